"""The same mixture for a cluster: a script over datatrove, and the blocks that it is made of."""
