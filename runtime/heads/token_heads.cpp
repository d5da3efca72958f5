// Heads that give one row of label scores per token.
#include "runtime/heads/head.h"

namespace weft {

Value token_classifier(const HeadInput& in) {
  return label_scores(in, in.weights.sub("classifier"), in.x);
}

Value modernbert_token_classifier(const HeadInput& in) {
  return label_scores(in, in.weights.sub("classifier"), modernbert_prediction_head(in, in.x));
}

}  // namespace weft
