/* model_damage.h - ways to damage a model file's header, and the words that the message must contain
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A row replaces `old` by `new` in the header of a sample model. The message must contain `part` and `second`.
 */
#pragma once
#include "sample_model.h"

typedef struct {
  const char *name;
  SampleKind kind;
  const char *old, *new; /* in the header */
  const char *part, *second;
} Damage;

static const Damage damages[] = {
  { "json", 0, "{\"__metadata__\"", "{{\"__metadata__\"", "JSON" },
  { "json-comment", 0, "{\"__metadata__\"", "{/* */\"__metadata__\"", "JSON" },
  { "json-number", 0, "\"data_offsets\":[0,12]", "\"data_offsets\":[0,99999999999999999999999]", "data_offsets" },
  { "json-negative", 0, "\"data_offsets\":[0,12]", "\"data_offsets\":[-12,0]", "encoder.block0.skip", "data_offsets" },
  { "json-float", 0, "\"data_offsets\":[0,12]", "\"data_offsets\":[0,12.0]", "encoder.block0.skip", "data_offsets" },
  { "metadata-kind", 0, "\"cbigan.width\":\"1\"", "\"cbigan.width\":1", "cbigan.width", "string" },
  { "entry-kind", 0, "\"encoder.hidden.weight\":{", "\"x\":3,\"encoder.hidden.weight\":{", "“x”", "object" },
  { "dtype", 0, "\"encoder.block0.skip.weight\":{\"dtype\":\"F32\"",
    "\"encoder.block0.skip.weight\":{\"dtype\":\"F16\"", "F16", "expected F32" },
  { "dtype-missing", 0, "\"dtype\":\"F32\",", "", "encoder.block0.skip.weight", "expected F32" },
  { "shape", 0, "\"shape\":[1,3,1,1]", "\"shape\":[3,1,1,1]", "has shape [3, 1, 1, 1]", "expected [1, 3, 1, 1]" },
  { "shape-rank", 0, "\"shape\":[1,3,1,1]", "\"shape\":[3]", "has shape [3]", "expected [1, 3, 1, 1]" },
  { "shape-size", 0, "\"shape\":[1,3,1,1]", "\"shape\":[1,4,1,1]", "12 bytes", "[1, 4, 1, 1]" },
  { "shape-huge", 0, "\"shape\":[1,3,1,1]", "\"shape\":[4294967296,4294967296,1,3]", "12 bytes", "4294967296" },
  { "shape-dims", 0, "\"shape\":[1,3,1,1]", "\"shape\":[1,1,3,1,1]", "at most 4" },
  { "overlap", 0, "\"data_offsets\":[12,", "\"data_offsets\":[8,", "fit its shape" },
  { "gap", 0, "\"encoder.block0.skip.weight\":{\"dtype\":\"F32\",\"shape\":[1,3,1,1],\"data_offsets\":[0,12]},", "",
    "starts at byte 12", "expected 0" },
  { "overlapping", 0, "\"encoder.block0.skip.weight\":{",
    "\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},\"encoder.block0.skip.weight\":{", "“x”",
    "expected 12" },
  { "unknown", 0, "encoder.hidden.weight", "encoder.hiding.weight", "tensor “encoder.hidden.weight” is missing" },
  { "unknown-more", 0, "\"encoder.block0.skip.weight\":{",
    "\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"encoder.block0.skip.weight\":{",
    "unknown tensor “x”" },
  { "duplicate-tensor", 0, "\"encoder.block0.conv0.weight\"", "\"encoder.block0.skip.weight\"",
    "“encoder.block0.skip.weight” stands twice" },
  { "duplicate-key", 0, "\"cbigan.width\":\"1\"", "\"cbigan.width\":\"1\",\"cbigan.width\":\"1\"",
    "“cbigan.width” stands twice" },
  { "version", 0, "\"cbigan.format\":\"1\"", "\"cbigan.format\":\"3\"", "“cbigan.format” is “3”", "expected 1" },
  { "version-other", 0, "\"cbigan.format\":\"1\"", "\"cbigan.format\":\"2\"", "cbigan.score", "inspector" },
  { "version-none", 0, "\"cbigan.format\":\"1\",", "", "“cbigan.format” is missing" },
  { "unknown-key", 0, "\"cbigan.width\"", "\"cbigan.treshold\":\"1\",\"cbigan.width\"", "“cbigan.treshold”" },
  { "width-0", 0, "\"cbigan.width\":\"1\"", "\"cbigan.width\":\"0\"", "“cbigan.width” is “0”", "1 to 64" },
  { "width-65", 0, "\"cbigan.width\":\"1\"", "\"cbigan.width\":\"65\"", "“cbigan.width” is “65”" },
  { "width-text", 0, "\"cbigan.width\":\"1\"", "\"cbigan.width\":\" 1\"", "“cbigan.width” is “ 1”" },
  { "width-other", 0, "\"cbigan.width\":\"1\"", "\"cbigan.width\":\"64\"", "has shape", "expected [64, 3, 1, 1]" },
  { "latent", 0, "\"cbigan.latent\":\"64\"", "\"cbigan.latent\":\"32\"", "“cbigan.latent” is “32”", "expected 64" },
  { "patch", 0, "\"cbigan.patch\":\"64\"", "\"cbigan.patch\":\"96\"", "“cbigan.patch” is “96”", "64 or 128" },
  { "frame", 0, "\"cbigan.frame\":\"native\"", "\"cbigan.frame\":\"64\"", "“cbigan.frame” is “64”" },
  { "frame-small", 0, "\"cbigan.frame\":\"native\"", "\"cbigan.frame\":\"63x64\"", "“cbigan.frame” is “63x64”" },
  { "frame-large", 0, "\"cbigan.frame\":\"native\"", "\"cbigan.frame\":\"64x99999\"", "“cbigan.frame” is" },
  { "tap", 0, "\"first\"", "\"last\"", "“cbigan.feature-tap” is “last”", "“first” or “hidden”" },
  { "lambda", 0, "\"cbigan.lambda\":\"0.1\"", "\"cbigan.lambda\":\"1.5\"", "“cbigan.lambda” is “1.5”" },
  { "lambda-nan", 0, "\"cbigan.lambda\":\"0.1\"", "\"cbigan.lambda\":\"nan\"", "“cbigan.lambda” is “nan”" },
  { "lambda-comma", 0, "\"cbigan.lambda\":\"0.1\"", "\"cbigan.lambda\":\"0,1\"", "“cbigan.lambda” is “0,1”" },
  { "lambda-empty", 0, "\"cbigan.lambda\":\"0.1\"", "\"cbigan.lambda\":\"\"", "“cbigan.lambda” is “”" },
  { "score", 0, "\"paper\"", "\"best\"", "“cbigan.score” is “best”", "“critic”" },
  { "score-none", 0, "\"paper\"", "\"critic\"", "“cbigan.score” is “critic”", "no statistics" },
  { "threshold", SAMPLE_OBJECT, "\"4.71\"", "\"1e999\"", "“cbigan.threshold” is “1e999”", "finite" },
  { "threshold-negative", SAMPLE_OBJECT, "\"4.71\"", "\"-1\"", "“cbigan.threshold” is “-1”" },
  { "bf16-error", SAMPLE_OBJECT, "\"0.008\"", "\"nan\"", "“cbigan.bf16-error” is “nan”", "finite" },
  { "bf16-error-negative", SAMPLE_OBJECT, "\"0.008\"", "\"-0.008\"", "“cbigan.bf16-error” is “-0.008”" },
  { "light", SAMPLE_OBJECT, "\"cbigan.light\":\"-0.", "\"cbigan.light\":\"-2.", "“cbigan.light” is “-2." },
  { "light-one", SAMPLE_OBJECT, ",0.25\"", "\"", "“cbigan.light” is “-0." },
  { "light-falling", SAMPLE_OBJECT, ",0.25\"", ",-0.25\"", "“cbigan.light” is “-0.", "smaller one first" },
  { "good-scores", SAMPLE_OBJECT, "\"[1,2.5,", "\"[1,null,", "“cbigan.good-scores” is", "numbers" },
  { "good-scores-deep", SAMPLE_OBJECT, "\"[1,2.5,", "\"[[1],", "“cbigan.good-scores” is", "numbers" },
  { "training", SAMPLE_OBJECT, "\"cbigan.training\":\"{", "\"cbigan.training\":\"{{", "“cbigan.training” is" },
  { "blocks", SAMPLE_OBJECT, "\"0,2\"", "\"2,0\"", "“cbigan.critic-blocks” is “2,0”", "rising" },
  { "blocks-6", SAMPLE_OBJECT, "\"0,2\"", "\"0,6\"", "“cbigan.critic-blocks” is “0,6”" },
  { "blocks-empty", SAMPLE_OBJECT, "\"0,2\"", "\"\"", "“cbigan.critic-blocks” is “”" },
  { "blocks-none", SAMPLE_OBJECT, "\"cbigan.critic-blocks\":\"0,2\",", "", "“cbigan.critic-blocks” is missing" },
  { "blocks-other", SAMPLE_OBJECT, "\"0,2\"", "\"0,1\"", "“critic.mean” has shape [16, 4]", "expected [16, 3]" },
  { "grid", SAMPLE_OBJECT, "\"cbigan.critic-grid\":\"4\"", "\"cbigan.critic-grid\":\"0\"",
    "“cbigan.critic-grid” is “0”" },
  { "grid-none", SAMPLE_OBJECT, "\"cbigan.critic-grid\":\"4\",", "", "“cbigan.critic-grid” is missing" },
  { "grid-other", SAMPLE_OBJECT, "\"cbigan.critic-grid\":\"4\"", "\"cbigan.critic-grid\":\"8\"",
    "“critic.mean” has shape [16, 4]", "expected [64, 4]" },
  { "positions-native", SAMPLE_OBJECT, "\"64x64\"", "\"native\"", "“calibration.mean” has shape [64, 64]",
    "expected [1, 1]" },
  { "positions-frame", SAMPLE_OBJECT, "\"64x64\"", "\"64x128\"", "“calibration.mean” has shape [64, 64]",
    "expected [128, 64]" },
  { "statistics-half", SAMPLE_OBJECT, "\"calibration.deviation\"", "\"calibration.deviations\"",
    "tensor “calibration.deviation” is missing" },
};
