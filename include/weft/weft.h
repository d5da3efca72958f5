// Everything a user of weft includes.
#pragma once

#include "weft/encoder.h"
#include "weft/error.h"
#include "weft/graph.h"
#include "weft/model.h"
#include "weft/positions.h"
#include "weft/profile.h"
#include "weft/safetensors.h"
#include "weft/session.h"
#include "weft/tensor.h"
#include "weft/tokenizer.h"
#include "weft/transformer_model.h"
#include "weft/types.h"
#include "weft/version.h"
#include "weft/weight.h"
#include "weft/weights.h"
