/* out[m, n] = x[m, :] . W[n, :] for 4-bit W and more than a few rows of x, by the processor's tiles (AMX). The form of W is that of kernels.c.

   32 bytes of codes, a pair of columns of 32 rows of W, become two rows of tiles as the processor wants them by one look-up each. The levels are
   bf16 as they stand, so that no weight is rounded: a block's products are summed in fp32 by the tiles, and the sum is multiplied by the block's scale. */

#include <immintrin.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCK = 64, PAIRS = BLOCK / 2, GROUP = 32, LANES = 16, TILE = 16, AHEAD = 2048 };
enum { AT_ONCE = 64 }; /* rows of x, whose part for a group's columns stays in the cache */
enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };

typedef struct __attribute__((packed)) {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} Shapes;

/* Linux gives a process the tiles' registers when it asks. 0: it has them. */
int tiles_allowed(void) { return (int)syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA); }

static inline __m512 wide(const uint16_t *values)
{
    __m256i own = _mm256_loadu_si256((const __m256i *)values);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(own), 16));
}

static inline void store_narrow(__m512 part, uint16_t *out)
{
    __m512i bits = _mm512_castps_si512(part);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))); /* to nearest, ties to even */
    _mm256_storeu_si256((__m256i *)out, _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
}

/* A block of 32 rows of W: [half of the rows][pair of columns][row][even, odd]. vpermw reads the lowest five bits of a word, so `levels` has each twice. */
static inline void expand(const uint8_t *codes, __m512i levels, uint16_t out[2][PAIRS][GROUP])
{
    for (int pair = 0; pair < PAIRS; pair++) {
        _mm_prefetch((const char *)codes + pair * GROUP + AHEAD, _MM_HINT_T0);
        __m512i both = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(codes + pair * GROUP)));
        _mm512_store_si512(out[0][pair], _mm512_permutexvar_epi16(both, levels));
        _mm512_store_si512(out[1][pair], _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 4), levels));
    }
}

/* 32 rows of W for up to 64 of x, which stand `stride` apart: up to 16 as they are, more filled up with zeros to a multiple of 16. `tall`: rows of a tile. */
static void one_group(int64_t count, int64_t tall, int64_t outputs, int64_t columns, int64_t stride, const uint16_t *x, const uint8_t *codes,
                      const uint16_t *scales, __m512i levels, uint16_t *out)
{
    float total[AT_ONCE][2][LANES] __attribute__((aligned(64))), sums[2][TILE][LANES] __attribute__((aligned(64)));
    uint16_t expanded[2][PAIRS][GROUP] __attribute__((aligned(64)));
    for (int64_t m = 0; m < count + TILE && m < AT_ONCE; m++)
        for (int half = 0; half < 2; half++) _mm512_store_ps(total[m][half], _mm512_setzero_ps());
    for (int64_t block = 0; block < columns / BLOCK; block++) {
        expand(codes + block * PAIRS * GROUP, levels, expanded);
        _tile_loadd(0, expanded[0], 64);
        _tile_loadd(1, expanded[0] + TILE, 64);
        _tile_loadd(2, expanded[1], 64);
        _tile_loadd(3, expanded[1] + TILE, 64);
        const __m512 scale[2] = {wide(scales + block * outputs), wide(scales + block * outputs + LANES)};
        for (int64_t m = 0; m < count; m += TILE) {
            const uint16_t *rows = x + m * stride + block * BLOCK;
            _tile_loadd(4, rows, 2 * stride);
            _tile_loadd(5, rows + BLOCK / 2, 2 * stride);
            _tile_zero(6);
            _tile_zero(7);
            _tile_dpbf16ps(6, 4, 0);
            _tile_dpbf16ps(7, 4, 2);
            _tile_dpbf16ps(6, 5, 1);
            _tile_dpbf16ps(7, 5, 3);
            _tile_stored(6, sums[0], 64);
            _tile_stored(7, sums[1], 64);
            for (int64_t i = 0; i < tall; i++)
                for (int half = 0; half < 2; half++) {
                    float *sum = total[m + i][half];
                    _mm512_store_ps(sum, _mm512_fmadd_ps(_mm512_load_ps(sums[half][i]), scale[half], _mm512_load_ps(sum)));
                }
        }
    }
    for (int64_t m = 0; m < count; m++)
        for (int half = 0; half < 2; half++) store_narrow(_mm512_load_ps(total[m][half]), out + m * outputs + half * LANES);
}

/* Other libraries of the process have shapes of their own for the tiles, which they find as they left them. */
void nf4_tiles(int64_t count, int64_t outputs, int64_t columns, int64_t stride, const uint16_t *x, const uint8_t *codes,
               const uint16_t *scales, const uint16_t *levels, uint16_t *out)
{
    uint16_t twice[2 * LANES];
    for (int i = 0; i < 2 * LANES; i++) twice[i] = levels[i % LANES];
    const __m512i own = _mm512_loadu_si512(twice);
    const int64_t tall = count < TILE ? count : TILE;
    Shapes shapes = {.palette = 1};
    for (int i = 0; i < 8; i++) shapes.row_bytes[i] = 64, shapes.rows[i] = i < 4 ? TILE : (uint8_t)tall; /* 0 to 3: of W */
#pragma omp parallel
    {
        Shapes before;
        _tile_storeconfig(&before);
        _tile_loadconfig(&shapes);
        for (int64_t first = 0; first < count; first += AT_ONCE) {
            const int64_t rows = count - first < AT_ONCE ? count - first : AT_ONCE;
#pragma omp for schedule(dynamic) nowait
            for (int64_t group = 0; group < outputs / GROUP; group++)
                one_group(rows, tall, outputs, columns, stride, x + first * stride, codes + group * GROUP * (columns / 2), scales + group * GROUP,
                          own, out + first * outputs + group * GROUP);
        }
        if (before.palette) _tile_loadconfig(&before);
        else _tile_release();
    }
}
