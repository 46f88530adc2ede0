/* The operations that a decode step spends its time in, and the weights' way into 4 bits, for x86-64 with AVX2.

   Built on the user's machine with its own C compiler (kernels.py). bf16 is the upper half of fp32 and travels as uint16_t.
   All sums are kept in fp32. Threads are OpenMP's, of the same pool that torch uses. */

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, GROUP = 32, AT_ONCE = 4, AHEAD = 2048, HEAD_AT_MOST = 512, TILE = 64 };

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

   32 bytes hold one pair of columns of 32 rows, a group. Its levels are looked up as fp32, one lane a row, and multiplied by x in fp32, the odd column
   before the even one: the order of VDPBF16PS, and so of bitsandbytes' kernel for AVX512-BF16, whose result this is to the bit. */

#ifdef __AVX512F__

/* vpermps reads the lowest four bits of a lane: with a pair's bytes as words, shifts bring each of its four codes there. */

enum { LANES = 16, PARTS = 2, TOGETHER = 4, FEWER = 2 };
typedef __m512 Part;   /* rows 0-15 | 16-31 */
typedef __m512 Levels;

static inline Levels levels_of(const uint16_t *levels)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)levels)), 16));
}

static inline void expand(const uint8_t *codes, Levels levels, Part even[PARTS], Part odd[PARTS])
{
    __m512i pairs = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)codes));
    even[0] = _mm512_permutexvar_ps(pairs, levels);
    even[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(pairs, 4), levels);
    odd[0] = _mm512_permutexvar_ps(_mm512_srli_epi32(pairs, 16), levels);
    odd[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(pairs, 20), levels);
}

static inline Part zero(void) { return _mm512_setzero_ps(); }
static inline Part plus(Part sum, Part levels, float x) { return _mm512_fmadd_ps(levels, _mm512_set1_ps(x), sum); }

static inline Part plus_scaled(Part sum, Part part, Part scale) { return _mm512_fmadd_ps(part, scale, sum); }
static inline Part times(Part part, Part scale) { return _mm512_mul_ps(part, scale); }

static inline Part load(const uint16_t *values, int i)
{
    __m256i own = _mm256_loadu_si256((const __m256i *)(values + i * LANES));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(own), 16));
}

static inline void store_wide(Part part, float *out, int i) { _mm512_storeu_ps(out + i * LANES, part); }

#else

/* pshufb looks up both bytes of the bf16 value of 32 codes at once; interleaved, a lane holds the even column's value in its lower and the
   odd column's in its upper half. */

enum { LANES = 8, PARTS = 4, TOGETHER = 1, FEWER = 1 };
typedef __m256 Part;   /* rows 0-3,8-11 | 4-7,12-15 | +16 of both */
typedef struct { __m256i low_bytes, high_bytes; } Levels;

static const int FIRST[PARTS] = {0, 4, 16, 20}; /* rows FIRST…+3 and FIRST+8…+11 of the group */

static inline Levels levels_of(const uint16_t *levels)
{
    uint8_t low[32], high[32];
    for (int i = 0; i < 32; i++) {
        low[i] = levels[i & 15] & 0xff;
        high[i] = levels[i & 15] >> 8;
    }
    return (Levels){_mm256_loadu_si256((const __m256i *)low), _mm256_loadu_si256((const __m256i *)high)};
}

static inline void look_up(__m256i codes, Levels levels, Part even[2], Part odd[2])
{
    __m256i low = _mm256_shuffle_epi8(levels.low_bytes, codes), high = _mm256_shuffle_epi8(levels.high_bytes, codes);
    __m256i pairs[2] = {_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high)};
    for (int i = 0; i < 2; i++) {
        even[i] = _mm256_castsi256_ps(_mm256_slli_epi32(pairs[i], 16));
        odd[i] = _mm256_castsi256_ps(_mm256_and_si256(pairs[i], _mm256_set1_epi32((int)0xffff0000)));
    }
}

static inline void expand(const uint8_t *codes, Levels levels, Part even[PARTS], Part odd[PARTS])
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i both = _mm256_loadu_si256((const __m256i *)codes);
    look_up(_mm256_and_si256(both, nibble), levels, even, odd);
    look_up(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), levels, even + 2, odd + 2);
}

static inline Part zero(void) { return _mm256_setzero_ps(); }
static inline Part plus(Part sum, Part levels, float x) { return _mm256_fmadd_ps(levels, _mm256_set1_ps(x), sum); }

static inline Part plus_scaled(Part sum, Part part, Part scale) { return _mm256_fmadd_ps(part, scale, sum); }
static inline Part times(Part part, Part scale) { return _mm256_mul_ps(part, scale); }

static inline Part load(const uint16_t *values, int i)
{
    __m128i near = _mm_loadl_epi64((const __m128i *)(values + FIRST[i]));
    __m128i far = _mm_loadl_epi64((const __m128i *)(values + FIRST[i] + 8));
    __m256i both = _mm256_set_m128i(_mm_cvtepu16_epi32(far), _mm_cvtepu16_epi32(near));
    return _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
}

static inline void store_wide(Part part, float *out, int i)
{
    _mm_storeu_ps(out + FIRST[i], _mm256_castps256_ps128(part));
    _mm_storeu_ps(out + FIRST[i] + 8, _mm256_extractf128_ps(part, 1));
}

#endif

/* bf16 of a group's rows. */
static inline void store(const Part parts[PARTS], uint16_t *out)
{
    float values[GROUP];
    for (int i = 0; i < PARTS; i++) store_wide(parts[i], values, i);
    for (int i = 0; i < GROUP; i++) out[i] = narrow(values[i]);
}

typedef struct { Part part[PARTS]; } Sums; /* of a group and one row of x */

/* `groups` and `count` are known where this is inlined: then every sum has a register. */
static inline __attribute__((always_inline)) void rows_of_groups(
    const int groups, const int count, const uint8_t *codes, const uint16_t *scales, Levels levels,
    const float *x, uint16_t *out, int64_t outputs, int64_t columns)
{
    Sums total[AT_ONCE * 2], sums[AT_ONCE * 2];
    for (int i = 0; i < groups * count; i++)
        for (int j = 0; j < PARTS; j++) total[i].part[j] = zero();
    for (int64_t block = 0; block < columns / BLOCK; block++) {
        for (int i = 0; i < groups * count; i++)
            for (int j = 0; j < PARTS; j++) sums[i].part[j] = zero();
        for (int64_t pair = block * (BLOCK / 2); pair < (block + 1) * (BLOCK / 2); pair++)
            for (int g = 0; g < groups; g++) {
                const uint8_t *own = codes + (g * (columns / 2) + pair) * GROUP;
                Part even[PARTS], odd[PARTS];
                _mm_prefetch((const char *)own + AHEAD, _MM_HINT_T0);
                expand(own, levels, even, odd);
                for (int m = 0; m < count; m++)
                    for (int j = 0; j < PARTS; j++) {
                        Part *sum = &sums[g * count + m].part[j];
                        *sum = plus(*sum, odd[j], x[m * columns + 2 * pair + 1]);
                        *sum = plus(*sum, even[j], x[m * columns + 2 * pair]);
                    }
            }
        for (int i = 0; i < groups * count; i++)
            for (int j = 0; j < PARTS; j++) {
                Part scale = load(scales + block * outputs + i / count * GROUP, j);
                total[i].part[j] = plus_scaled(total[i].part[j], sums[i].part[j], scale);
            }
    }
    for (int i = 0; i < groups * count; i++) store(total[i].part, out + i % count * outputs + i / count * GROUP);
}

/* `x` is fp32 here: [count, columns]. Some groups go along together where there are registers, so that no sum waits for its own last step.
   Whichever thread is free takes the next ones: another program may have one of the cores. */
void nf4_rows(int64_t count, int64_t outputs, int64_t columns, const float *x, const uint8_t *codes,
              const uint16_t *scales, const uint16_t *levels, uint16_t *out)
{
    const Levels own = levels_of(levels);
    const int64_t all = outputs / GROUP;
#define TAKE(GROUPS, ROWS) \
    for (int64_t g = first; g < end; g += GROUPS) \
        rows_of_groups(GROUPS, ROWS, codes + g * GROUP * (columns / 2), scales + g * GROUP, own, x + m * columns, \
                       out + m * outputs + g * GROUP, outputs, columns)
#pragma omp parallel for schedule(dynamic)
    for (int64_t first = 0; first < all; first += TOGETHER) {
        int64_t end = first + TOGETHER < all ? first + TOGETHER : all;
        for (int64_t m = 0; m < count; m += AT_ONCE) {
            int64_t rows = count - m, whole = end - first == TOGETHER;
            if (whole && rows == 1) TAKE(TOGETHER, 1);
            else if (whole && rows == 2) TAKE(TOGETHER, 2);
            else if (whole && rows == 3) TAKE(FEWER, 3);
            else if (whole) TAKE(FEWER, 4);
            else if (rows == 1) TAKE(1, 1);
            else if (rows == 2) TAKE(1, 2);
            else if (rows == 3) TAKE(1, 3);
            else TAKE(1, 4);
        }
    }
#undef TAKE
}

/* A few rows of bf16, and the bias, which is added to what was rounded, as a layer's own addition would. */
void nf4_few(int64_t count, int64_t outputs, int64_t columns, const uint16_t *x, const uint8_t *codes, const uint16_t *scales,
             const uint16_t *levels, const uint16_t *bias, uint16_t *out)
{
    float own[count * columns];
    for (int64_t i = 0; i < count * columns; i++) own[i] = wide(x[i]);
    nf4_rows(count, outputs, columns, own, codes, scales, levels, out);
    for (int64_t m = 0; bias && m < count; m++)
        for (int64_t n = 0; n < outputs; n++) out[m * outputs + n] = narrow(wide(out[m * outputs + n]) + wide(bias[n]));
}

/* Rows first…last-1 of the 4-bit matrix as fp32, for long prompts; both divide by 32. They lie as [columns][width], so that a group's rows are
   written as they were looked up. */
void nf4_expand(int64_t first, int64_t last, int64_t outputs, int64_t columns, const uint8_t *codes,
                const uint16_t *scales, const uint16_t *levels, float *out, int64_t width)
{
    const Levels own = levels_of(levels);
#pragma omp parallel for schedule(dynamic)
    for (int64_t block = 0; block < columns / BLOCK; block++)
        for (int64_t row = first; row < last; row += GROUP) {
            Part scale[PARTS], both[2][PARTS];
            for (int j = 0; j < PARTS; j++) scale[j] = load(scales + block * outputs + row, j);
            for (int64_t pair = block * (BLOCK / 2); pair < (block + 1) * (BLOCK / 2); pair++) {
                expand(codes + row * (columns / 2) + pair * GROUP, own, both[0], both[1]);
                for (int odd = 0; odd < 2; odd++)
                    for (int j = 0; j < PARTS; j++) store_wide(times(both[odd][j], scale[j]), out + (2 * pair + odd) * width + row - first, j);
            }
        }
}

/* ---- bf16 weights to 4 bits, as `quantize.py` describes them; one thread, 32 rows at a time ---------------------------

   A code is the number of bounds below the value divided by the largest of its block. Compared as whole numbers, the bits of the largest are
   also those of what is no number. `packed`: the form above; else two columns of a row a byte, the even one in the high nibble. */

static inline float codes_of_block(const uint16_t *values, const float bounds[15], uint8_t codes[BLOCK])
{
    float scaled[BLOCK];
    int32_t above[BLOCK] = {0};
    uint16_t largest = 0;
    for (int i = 0; i < BLOCK; i++) {
        uint16_t size = values[i] & 0x7fff;
        largest = size > largest ? size : largest;
    }
    const float scale = wide(largest), each = 1.0f / (scale < 1e-38f ? 1e-38f : scale);
    for (int i = 0; i < BLOCK; i++) {
        float value = wide(values[i]) * each;
        scaled[i] = value < -1 ? -1 : value > 1 ? 1 : value;
    }
    for (int b = 0; b < 15; b++)
        for (int i = 0; i < BLOCK; i++) above[i] += scaled[i] > bounds[b];
    for (int i = 0; i < BLOCK; i++) codes[i] = (uint8_t)above[i];
    return scale;
}

void nf4_quantise(int64_t rows, int64_t columns, const uint16_t *values, const float *bounds, float *scales, uint8_t *out, int64_t packed)
{
    for (int64_t first = 0; first < rows; first += GROUP)
        for (int64_t block = 0; block < columns / BLOCK; block++) {
            uint8_t codes[GROUP][BLOCK];
            const int64_t count = rows - first < GROUP ? rows - first : GROUP;
            for (int64_t r = 0; r < count; r++)
                scales[(first + r) * (columns / BLOCK) + block] = codes_of_block(values + (first + r) * columns + block * BLOCK, bounds, codes[r]);
            if (packed) {
                uint8_t *own = out + first * (columns / 2) + block * (BLOCK / 2) * GROUP;
                for (int pair = 0; pair < BLOCK / 2; pair++)
                    for (int r = 0; r < GROUP / 2; r++)
                        for (int odd = 0; odd < 2; odd++)
                            own[pair * GROUP + 2 * r + odd] = codes[r][2 * pair + odd] | codes[r + GROUP / 2][2 * pair + odd] << 4;
            } else {
                for (int64_t r = 0; r < count; r++)
                    for (int pair = 0; pair < BLOCK / 2; pair++)
                        out[((first + r) * columns + block * BLOCK) / 2 + pair] = codes[r][2 * pair] << 4 | codes[r][2 * pair + 1];
            }
        }
}

/* ---- out[m, n] = x[m, :] . W[n, :] for bf16 W ---------------------------------------------------------------------- */

/* One row of weights with one or four of x; the sums of each are the same to the bit, however many there are. */

typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));

static inline Part wide_lanes(const uint16_t *values)
{
    Halves own;
    memcpy(&own, values, sizeof own);
    return (Part)(__builtin_convertvector(own, Bits) << 16);
}

static inline Part lanes_at(const float *values)
{
    Part own;
    memcpy(&own, values, sizeof own);
    return own;
}

static inline float sum_of(Part lanes)
{
#ifdef __AVX512F__
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
#else
    __m256 eight = lanes;
#endif
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline __attribute__((always_inline)) void dots(
    const int rows, const uint16_t *left, const float *const right[], int64_t count, float sums[])
{
    Part near[4], far[4];
    int64_t i = 0;
    for (int m = 0; m < rows; m++) near[m] = far[m] = zero();
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        _mm_prefetch((const char *)(left + i) + AHEAD, _MM_HINT_T0);
        Part first = wide_lanes(left + i), second = wide_lanes(left + i + LANES);
        for (int m = 0; m < rows; m++) {
            near[m] += first * lanes_at(right[m] + i);
            far[m] += second * lanes_at(right[m] + i + LANES);
        }
    }
    for (int m = 0; m < rows; m++) {
        sums[m] = sum_of(near[m] + far[m]);
        for (int64_t j = i; j < count; j++) sums[m] += wide(left[j]) * right[m][j];
    }
}

static inline float dot(const uint16_t *left, const float *right, int64_t count)
{
    float sum;
    dots(1, left, &right, count, &sum);
    return sum;
}

void bf16_rows(int64_t count, int64_t outputs, int64_t columns, const float *x, const uint16_t *weight, uint16_t *out)
{
#pragma omp parallel for schedule(dynamic, 64)
    for (int64_t n = 0; n < outputs; n++) {
        const uint16_t *own = weight + n * columns;
        if (count == 1) out[n] = narrow(dot(own, x, columns));
        for (int64_t m = 0; count > 1 && m < count; m += 4) {
            const float *rows[4];
            float sums[4];
            for (int i = 0; i < 4; i++) rows[i] = x + (m + i < count ? m + i : m) * columns;
            dots(4, own, rows, columns, sums);
            for (int i = 0; i < 4 && m + i < count; i++) out[(m + i) * outputs + n] = narrow(sums[i]);
        }
    }
}

/* ---- one query a row against the keys and values in its slot -------------------------------------------------------

   keys, values  [slot, head, position, size]: positions of one head lie together. Row b reads positions 0…lengths[b]-1 of slot b, or of
                 the only slot, where its stride is 0: so a head's rows come one after the other.
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
#pragma omp parallel for schedule(dynamic) collapse(2)
    for (int64_t h = 0; h < heads; h++)
        for (int64_t b = 0; b < rows; b++) {
            int64_t at = b * slot_stride + (h / groups) * head_stride;
            one_head(query + (b * heads + h) * size, keys + at, values + at, lengths[b], size, scale, out + (b * heads + h) * size);
        }
}
