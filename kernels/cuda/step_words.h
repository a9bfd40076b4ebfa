// A step as the device sees it: one block of 32-bit words, written by the host, uploaded whole, read by every kernel. A
// captured graph holds pointers to it alone, so that the same graph serves every step of its rows.
#pragma once

#include <cstdint>

namespace ra::cuda {

// One row group of the prefill attention: query rows [first, first + count) of a slice.
struct PrefillTile {
  int32_t row = 0;       // the step's row of the tile's first query
  int32_t count = 0;     // queries
  int32_t position = 0;  // of the first one
  int32_t slot = 0;
};
constexpr int kPrefillTileWords = 4;

// One share of a decoded row's keys, or all of them.
struct alignas(16) DecodeItem {
  int32_t row = 0;
  int32_t slot = 0;
  int32_t keys = 0;   // of the row
  int32_t share = 0;  // or kWholeRow
};
constexpr int kDecodeItemWords = 4;
constexpr int32_t kWholeRow = -1;

// One entry of the page table that changed.
struct PageUpdate {
  int32_t slot = 0;
  int32_t index = 0;
  int32_t page = 0;
};
constexpr int kPageUpdateWords = 3;

// The head of the block; the arrays follow at the offsets, counted in words from the block's start.
struct StepWords {
  int32_t rows = 0;
  int32_t logit_rows = 0;
  int32_t decode_items = 0;
  int32_t prefill_tiles = 0;
  int32_t page_updates = 0;
  int32_t split_keys = 0;     // keys a share; a share of all keys has INT32_MAX
  int32_t tokens_at = 0;      // [rows], below 0: what the slot's head chose last
  int32_t slots_at = 0;       // [rows]
  int32_t positions_at = 0;   // [rows]
  int32_t logit_rows_at = 0;  // [logit_rows]: rows
  int32_t decode_items_at = 0;
  int32_t prefill_tiles_at = 0;
  int32_t page_updates_at = 0;
};
constexpr int kStepHeadWords = sizeof(StepWords) / sizeof(int32_t);

}  // namespace ra::cuda
