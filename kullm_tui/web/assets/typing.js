// Composed text, sent whole. The terminal on this page reads it back out of a text area a moment later, and leaves out what an input
// method commits without a key. Here what is committed goes out as the browser tells it; the terminal keeps showing what is being composed.
"use strict";

(() => {
  const DRAWN_BYTES = 1000; // more than the modes that an app sets before it draws
  const COMPOSING_KEY = 229;
  const NEW_LINE = "\u001b\r";
  let socket = null;

  window.WebSocket = class extends WebSocket {
    constructor(...address) {
      super(...address);
      socket = this;
      this.addEventListener("message", ({ data }) => {
        if (data.byteLength > DRAWN_BYTES) show();
      });
    }
  };

  function show() {
    const page = document.body.classList;
    if (page.contains("-drawn")) return;
    page.add("-drawn");
    document.querySelector(".xterm-helper-textarea").focus();
  }

  function type(text) {
    if (text && socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(["stdin", text]));
  }

  function inTerminal(heard) {
    return (event) => {
      if (event.target instanceof HTMLTextAreaElement) heard(event);
    };
  }

  // Ahead of the terminal's own listeners, which sit on the text area itself.
  const listen = (name, heard) => window.addEventListener(name, inTerminal(heard), true);

  listen("compositionend", (event) => {
    event.stopImmediatePropagation();
    document.querySelector(".composition-view").classList.remove("active");
    type(event.data);
  });

  listen("input", (event) => {
    event.stopImmediatePropagation();
    if (!event.isComposing && event.inputType === "insertText") type(event.data);
  });

  listen("keydown", (event) => {
    const breaks = event.shiftKey && event.key === "Enter" && !event.isComposing; // the terminal would send what Enter alone does
    const pastes = (event.ctrlKey || event.metaKey) && event.code === "KeyV"; // left to the browser, which tells the terminal what
    if (event.isComposing || event.keyCode === COMPOSING_KEY || breaks || pastes) event.stopImmediatePropagation();
    else event.target.value = ""; // a key of the terminal's own: it would send what still lies there once more
    if (breaks) {
      event.preventDefault();
      type(NEW_LINE);
    }
  });
})();
