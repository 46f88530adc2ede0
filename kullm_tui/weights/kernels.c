/* The three operations that a decode step spends its time in, for x86-64 with AVX2.

   Built on the user's machine with its own C compiler (kernels.py). bf16 is the upper half of fp32 and travels as uint16_t.
   All sums are kept in fp32. Threads are OpenMP's, of the same pool that torch uses. */

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, GROUP = 32, HALF = 16, MOST_ROWS = 8, HEAD_AT_MOST = 512, TILE = 64 };

static inline float wide(uint16_t value)
{
    uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, 4);
    return result;
}

static inline uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16); /* to nearest, ties to even */
}

/* ---- out[m, n] = x[m, :] . W[n, :] for 4-bit W -----------------------------------------------------------------------

   codes   [outputs/32][columns/2][16][2]   byte (r, p) = row r in the low nibble, row r+16 in the high one; p: even, odd column
   scales  [columns/64][outputs] bf16       one for every 64 columns of a row

   32 bytes hold one pair of columns of 32 rows. pshufb looks up both bytes of the bf16 value of 32 codes at once; interleaved,
   a lane holds the even column's value in its lower and the odd column's in its upper half. */

typedef struct { __m256 sum[4]; } Rows32; /* rows 0-3,8-11 | 4-7,12-15 | +16 of both */

static inline void look_up(__m256i codes, __m256i low_bytes, __m256i high_bytes, __m256i pairs[2])
{
    __m256i low = _mm256_shuffle_epi8(low_bytes, codes), high = _mm256_shuffle_epi8(high_bytes, codes);
    pairs[0] = _mm256_unpacklo_epi8(low, high);
    pairs[1] = _mm256_unpackhi_epi8(low, high);
}

static inline __m256 even(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
static inline __m256 odd(__m256i pairs)
{
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000)));
}

static inline void expand(const uint8_t *codes, __m256i low_bytes, __m256i high_bytes, __m256i pairs[4])
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i both = _mm256_loadu_si256((const __m256i *)codes);
    look_up(_mm256_and_si256(both, nibble), low_bytes, high_bytes, pairs);
    look_up(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), low_bytes, high_bytes, pairs + 2);
}

static inline void scaled(Rows32 *total, const Rows32 *part, const uint16_t *scales)
{
    static const int first[4] = {0, 4, 16, 20}; /* rows first…+3 and first+8…+11 of the group */
    for (int i = 0; i < 4; i++) {
        __m128i near = _mm_loadl_epi64((const __m128i *)(scales + first[i]));
        __m128i far = _mm_loadl_epi64((const __m128i *)(scales + first[i] + 8));
        __m256i both = _mm256_set_m128i(_mm_cvtepu16_epi32(far), _mm_cvtepu16_epi32(near));
        __m256 scale = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
        total->sum[i] = _mm256_fmadd_ps(part->sum[i], scale, total->sum[i]);
    }
}

static inline void store(const Rows32 *total, uint16_t *out)
{
    static const int first[4] = {0, 4, 16, 20};
    for (int i = 0; i < 4; i++) {
        float values[8];
        _mm256_storeu_ps(values, total->sum[i]);
        for (int j = 0; j < 8; j++) out[first[i] + (j & 3) + (j >> 2) * 8] = narrow(values[j]);
    }
}

static inline __attribute__((always_inline)) void group_of_rows(
    int count, const uint8_t *codes, const uint16_t *scales, __m256i low_bytes, __m256i high_bytes,
    const float *x, uint16_t *out, int64_t outputs, int64_t columns)
{
    Rows32 total[MOST_ROWS];
    memset(total, 0, sizeof(Rows32) * count);
    for (int64_t block = 0; block < columns / BLOCK; block++) {
        Rows32 part[MOST_ROWS];
        memset(part, 0, sizeof(Rows32) * count);
        for (int64_t pair = block * (BLOCK / 2); pair < (block + 1) * (BLOCK / 2); pair++) {
            __m256i pairs[4];
            expand(codes + pair * GROUP, low_bytes, high_bytes, pairs);
            for (int m = 0; m < count; m++) {
                __m256 x_even = _mm256_broadcast_ss(x + m * columns + 2 * pair);
                __m256 x_odd = _mm256_broadcast_ss(x + m * columns + 2 * pair + 1);
                for (int i = 0; i < 4; i++) {
                    part[m].sum[i] = _mm256_fmadd_ps(even(pairs[i]), x_even, part[m].sum[i]);
                    part[m].sum[i] = _mm256_fmadd_ps(odd(pairs[i]), x_odd, part[m].sum[i]);
                }
            }
        }
        for (int m = 0; m < count; m++) scaled(&total[m], &part[m], scales + block * outputs);
    }
    for (int m = 0; m < count; m++) store(&total[m], out + m * outputs);
}

static void tables(const uint16_t *levels, __m256i *low_bytes, __m256i *high_bytes)
{
    uint8_t low[32], high[32];
    for (int i = 0; i < 32; i++) {
        low[i] = levels[i & 15] & 0xff;
        high[i] = levels[i & 15] >> 8;
    }
    *low_bytes = _mm256_loadu_si256((const __m256i *)low);
    *high_bytes = _mm256_loadu_si256((const __m256i *)high);
}

/* `x` is fp32 here: [count, columns], count at most 8. */
void nf4_rows(int64_t count, int64_t outputs, int64_t columns, const float *x, const uint8_t *codes,
              const uint16_t *scales, const uint16_t *levels, uint16_t *out)
{
    __m256i low_bytes, high_bytes;
    tables(levels, &low_bytes, &high_bytes);
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < outputs / GROUP; group++) {
        const uint8_t *own = codes + group * GROUP * (columns / 2);
        const uint16_t *own_scales = scales + group * GROUP;
        uint16_t *own_out = out + group * GROUP;
        int64_t m = 0;
        for (; m + 4 <= count; m += 4)
            group_of_rows(4, own, own_scales, low_bytes, high_bytes, x + m * columns, own_out + m * outputs, outputs, columns);
        for (; m + 2 <= count; m += 2)
            group_of_rows(2, own, own_scales, low_bytes, high_bytes, x + m * columns, own_out + m * outputs, outputs, columns);
        if (m < count)
            group_of_rows(1, own, own_scales, low_bytes, high_bytes, x + m * columns, own_out + m * outputs, outputs, columns);
    }
}

/* Rows first…last-1 of the 4-bit matrix as plain fp32 [last-first, columns], for long prompts; both divide by 32. */
void nf4_expand(int64_t first, int64_t last, int64_t outputs, int64_t columns, const uint8_t *codes,
                const uint16_t *scales, const uint16_t *levels, float *out)
{
    float values[16];
    for (int i = 0; i < 16; i++) values[i] = wide(levels[i]);
#pragma omp parallel for schedule(static)
    for (int64_t group = first / GROUP; group < last / GROUP; group++) {
        const uint8_t *own = codes + group * GROUP * (columns / 2);
        for (int r = 0; r < HALF; r++) {
            int64_t row = group * GROUP + r;
            float *near = out + (row - first) * columns, *far = near + HALF * columns;
            for (int64_t column = 0; column < columns; column++) {
                uint8_t byte = own[(column / 2) * GROUP + r * 2 + (column & 1)];
                const uint16_t *scale = scales + (column / BLOCK) * outputs + row;
                near[column] = values[byte & 15] * wide(scale[0]);
                far[column] = values[byte >> 4] * wide(scale[HALF]);
            }
        }
    }
}

/* ---- out[m, n] = x[m, :] . W[n, :] for bf16 W ---------------------------------------------------------------------- */

static inline float dot(const uint16_t *left, const float *right, int64_t count)
{
    float sum = 0;
    for (int64_t i = 0; i < count; i++) sum += wide(left[i]) * right[i];
    return sum;
}

/* A row of weights is read once for four rows of x. */
static inline void four_dots(const uint16_t *left, const float *const right[4], int64_t count, float sums[4])
{
    float a = 0, b = 0, c = 0, d = 0;
    for (int64_t i = 0; i < count; i++) {
        float weight = wide(left[i]);
        a += weight * right[0][i], b += weight * right[1][i];
        c += weight * right[2][i], d += weight * right[3][i];
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

void bf16_rows(int64_t count, int64_t outputs, int64_t columns, const float *x, const uint16_t *weight, uint16_t *out)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < outputs; n++) {
        const uint16_t *own = weight + n * columns;
        if (count == 1) out[n] = narrow(dot(own, x, columns));
        for (int64_t m = 0; count > 1 && m < count; m += 4) {
            const float *rows[4];
            float sums[4];
            for (int i = 0; i < 4; i++) rows[i] = x + (m + i < count ? m + i : m) * columns;
            four_dots(own, rows, columns, sums);
            for (int i = 0; i < 4 && m + i < count; i++) out[(m + i) * outputs + n] = narrow(sums[i]);
        }
    }
}

/* ---- one query a row against the keys and values in its slot -------------------------------------------------------

   keys, values  [slot, head, position, size]: positions of one head lie together. Row b reads positions 0…lengths[b]-1 of slot b.
   The softmax runs along (Milakov and Gimelshein 2018): tiles of 64 positions, the sums rescaled when the maximum grows. */

static void one_head(const uint16_t *query, const uint16_t *keys, const uint16_t *values, int64_t length, int64_t size,
                     float scale, uint16_t *out)
{
    float q[HEAD_AT_MOST], mixed[HEAD_AT_MOST], score[TILE], largest = -INFINITY, total = 0;
    for (int64_t i = 0; i < size; i++) q[i] = wide(query[i]) * scale, mixed[i] = 0;
    for (int64_t start = 0; start < length; start += TILE) {
        int64_t count = length - start < TILE ? length - start : TILE;
        float top = largest;
        for (int64_t t = 0; t < count; t++) {
            score[t] = dot(keys + (start + t) * size, q, size);
            top = score[t] > top ? score[t] : top;
        }
        float shrink = start ? expf(largest - top) : 0;
        largest = top;
        total *= shrink;
        for (int64_t i = 0; i < size; i++) mixed[i] *= shrink;
        for (int64_t t = 0; t < count; t++) {
            float weight = expf(score[t] - top);
            const uint16_t *value = values + (start + t) * size;
            total += weight;
            for (int64_t i = 0; i < size; i++) mixed[i] += weight * wide(value[i]);
        }
    }
    for (int64_t i = 0; i < size; i++) out[i] = narrow(mixed[i] / total);
}

void attend(int64_t rows, int64_t heads, int64_t groups, int64_t size, const int64_t *lengths, float scale,
            const uint16_t *query, const uint16_t *keys, const uint16_t *values, int64_t slot_stride, int64_t head_stride,
            uint16_t *out)
{
#pragma omp parallel for schedule(static) collapse(2)
    for (int64_t b = 0; b < rows; b++)
        for (int64_t h = 0; h < heads; h++) {
            int64_t at = b * slot_stride + (h / groups) * head_stride;
            one_head(query + (b * heads + h) * size, keys + at, values + at, lengths[b], size, scale, out + (b * heads + h) * size);
        }
}
