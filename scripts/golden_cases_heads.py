"""The cases of models with a head: which class, with which configuration. Written by
make_head_goldens.py."""
import transformers

from make_sentence_goldens import VOCABULARY

BIO = ["O", "B-TOOL", "I-TOOL", "B-CLOTH", "I-CLOTH", "COLOUR"]
SMALL = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 48}


def bert(hidden, heads, intermediate, layers=2, **more):
    return transformers.BertConfig(hidden_size=hidden, num_attention_heads=heads,
                                   intermediate_size=intermediate, num_hidden_layers=layers,
                                   **SMALL, **more)


def labels(names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


# case: (class, config, tensors to leave out because they are tied)
CASES = {
    "bert_single_label": ("BertForSequenceClassification", lambda: bert(
        20, 5, 28, hidden_act="relu", problem_type="single_label_classification",
        **labels(["bad", "good", "so so"])), []),
    "bert_multi_label": ("BertForSequenceClassification", lambda: bert(
        16, 2, 12, problem_type="multi_label_classification",
        **labels(["a", "b", "c", "d"])), []),
    "bert_regression": ("BertForSequenceClassification", lambda: bert(
        16, 4, 20, 1, problem_type="regression", **labels(["height", "width"])), []),
    "bert_tagger": ("BertForTokenClassification", lambda: bert(
        24, 3, 20, hidden_act="gelu_new", **labels(BIO)), []),
    "bert_masked_lm": ("BertForMaskedLM", lambda: bert(
        24, 2, 36, hidden_act="silu", layer_norm_eps=1e-5),
        ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"]),
    "bert_masked_lm_untied": ("BertForMaskedLM", lambda: bert(
        16, 2, 20, 1, tie_word_embeddings=False), ["cls.predictions.bias"]),
}
SHAPE = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 20,
         "num_hidden_layers": 1, "vocab_size": 60, "max_position_embeddings": 48}
THREE = labels(["x", "y", "z"])
DISTILBERT = {"dim": 16, "n_heads": 2, "hidden_dim": 20, "n_layers": 1, "vocab_size": 60,
              "max_position_embeddings": 48}
ELECTRA = {**SHAPE, "embedding_size": 12}
MODERNBERT = {**SHAPE, "num_hidden_layers": 2, "pad_token_id": 0, "cls_token_id": 1,
              "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2}
DEBERTA = {**SHAPE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
           "position_buckets": 4, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
EUROBERT = {**SHAPE, "num_key_value_heads": 1, "pad_token_id": 0, "bos_token_id": 1,
            "eos_token_id": 2, "mask_token_id": 3}
TIED_PREDICTIONS = ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"]
TIED_LM_HEAD = ["lm_head.decoder.weight", "lm_head.decoder.bias"]

# Logits alone: (class, config class, arguments, tensors to leave out). New ones at the end: a case's
# place is its seed.
LOGITS = {
    "roberta_sequence": ("RobertaForSequenceClassification", "RobertaConfig", {**SHAPE, **THREE}, []),
    "roberta_token": ("RobertaForTokenClassification", "RobertaConfig", {**SHAPE, **THREE}, []),
    "roberta_masked_lm": ("RobertaForMaskedLM", "RobertaConfig",
                          {**SHAPE, "hidden_act": "relu"}, TIED_LM_HEAD),
    "xlm_roberta_sequence": ("XLMRobertaForSequenceClassification", "XLMRobertaConfig",
                             {**SHAPE, **THREE}, []),
    "xlm_roberta_token": ("XLMRobertaForTokenClassification", "XLMRobertaConfig",
                          {**SHAPE, **THREE}, []),
    "xlm_roberta_masked_lm": ("XLMRobertaForMaskedLM", "XLMRobertaConfig", SHAPE, TIED_LM_HEAD),
    "camembert_sequence": ("CamembertForSequenceClassification", "CamembertConfig",
                           {**SHAPE, **THREE}, []),
    "camembert_token": ("CamembertForTokenClassification", "CamembertConfig",
                        {**SHAPE, **THREE}, []),
    "camembert_masked_lm": ("CamembertForMaskedLM", "CamembertConfig", SHAPE, TIED_LM_HEAD),
    "distilbert_sequence": ("DistilBertForSequenceClassification", "DistilBertConfig",
                            {**DISTILBERT, **THREE}, []),
    "distilbert_token": ("DistilBertForTokenClassification", "DistilBertConfig",
                         {**DISTILBERT, **THREE}, []),
    "distilbert_masked_lm": ("DistilBertForMaskedLM", "DistilBertConfig",
                             {**DISTILBERT, "activation": "relu"}, ["vocab_projector.weight"]),
    "electra_sequence": ("ElectraForSequenceClassification", "ElectraConfig",
                         {**ELECTRA, **THREE}, []),
    "electra_token": ("ElectraForTokenClassification", "ElectraConfig", {**ELECTRA, **THREE}, []),
    "electra_masked_lm": ("ElectraForMaskedLM", "ElectraConfig",
                          {**ELECTRA, "hidden_act": "relu"}, ["generator_lm_head.weight"]),
    "albert_sequence": ("AlbertForSequenceClassification", "AlbertConfig",
                        {**ELECTRA, **THREE}, []),
    "albert_token": ("AlbertForTokenClassification", "AlbertConfig", {**ELECTRA, **THREE}, []),
    "albert_masked_lm": ("AlbertForMaskedLM", "AlbertConfig", ELECTRA,
                         ["predictions.decoder.weight", "predictions.decoder.bias"]),
    "mpnet_sequence": ("MPNetForSequenceClassification", "MPNetConfig", {**SHAPE, **THREE}, []),
    "mpnet_token": ("MPNetForTokenClassification", "MPNetConfig", {**SHAPE, **THREE}, []),
    "mpnet_masked_lm": ("MPNetForMaskedLM", "MPNetConfig", SHAPE, TIED_LM_HEAD),
    "gte_sequence": ("GteForSequenceClassification", "GteConfig", {**SHAPE, **THREE}, []),
    "gte_token": ("GteForTokenClassification", "GteConfig", {**SHAPE, **THREE}, []),
    "gte_masked_lm": ("GteForMaskedLM", "GteConfig", SHAPE, ["lm_head.decoder.weight"]),
    "nomic_sequence": ("NomicBertForSequenceClassification", "NomicBertConfig",
                       {**SHAPE, **THREE}, []),
    "nomic_token": ("NomicBertForTokenClassification", "NomicBertConfig", {**SHAPE, **THREE}, []),
    "nomic_masked_lm": ("NomicBertForMaskedLM", "NomicBertConfig", SHAPE, TIED_PREDICTIONS),
    "modernbert_sequence": ("ModernBertForSequenceClassification", "ModernBertConfig",
                            {**MODERNBERT, **THREE, "classifier_pooling": "mean"}, []),
    "modernbert_cls": ("ModernBertForSequenceClassification", "ModernBertConfig",
                       {**MODERNBERT, **THREE, "classifier_pooling": "cls",
                        "classifier_bias": True, "norm_bias": True,
                        "classifier_activation": "relu"}, []),
    "modernbert_token": ("ModernBertForTokenClassification", "ModernBertConfig",
                         {**MODERNBERT, **THREE}, []),
    "modernbert_masked_lm": ("ModernBertForMaskedLM", "ModernBertConfig", MODERNBERT,
                             ["decoder.weight"]),
    "deberta_v2_sequence": ("DebertaV2ForSequenceClassification", "DebertaV2Config",
                            {**DEBERTA, **THREE, "pooler_hidden_act": "relu"}, []),
    "deberta_v2_token": ("DebertaV2ForTokenClassification", "DebertaV2Config",
                         {**DEBERTA, **THREE, "type_vocab_size": 2}, []),
    "deberta_v2_masked_lm": ("DebertaV2ForMaskedLM", "DebertaV2Config",
                             {**DEBERTA, "hidden_act": "relu"}, TIED_PREDICTIONS),
    "ernie_sequence": ("ErnieForSequenceClassification", "ErnieConfig",
                       {**SHAPE, **THREE, "use_task_id": True}, []),
    "ernie_token": ("ErnieForTokenClassification", "ErnieConfig", {**SHAPE, **THREE}, []),
    "ernie_masked_lm": ("ErnieForMaskedLM", "ErnieConfig",
                        {**SHAPE, "hidden_act": "relu", "use_task_id": True}, TIED_PREDICTIONS),
    "eurobert_late": ("EuroBertForSequenceClassification", "EuroBertConfig",
                      {**EUROBERT, **THREE}, []),
    "eurobert_bos": ("EuroBertForSequenceClassification", "EuroBertConfig",
                     {**EUROBERT, **THREE, "classifier_pooling": "bos"}, []),
    "eurobert_mean": ("EuroBertForSequenceClassification", "EuroBertConfig",
                      {**EUROBERT, **THREE, "classifier_pooling": "mean"}, []),
    "eurobert_token": ("EuroBertForTokenClassification", "EuroBertConfig",
                       {**EUROBERT, **THREE}, []),
    "eurobert_masked_lm": ("EuroBertForMaskedLM", "EuroBertConfig",
                           {**EUROBERT, "mlp_bias": True}, []),
    "eurobert_masked_lm_tied": ("EuroBertForMaskedLM", "EuroBertConfig",
                                {**EUROBERT, "tie_word_embeddings": True}, ["lm_head.weight"]),
    "megatron_bert_sequence": ("MegatronBertForSequenceClassification", "MegatronBertConfig",
                               {**SHAPE, **THREE}, []),
    "megatron_bert_token": ("MegatronBertForTokenClassification", "MegatronBertConfig",
                            {**SHAPE, **THREE}, []),
    "megatron_bert_masked_lm": ("MegatronBertForMaskedLM", "MegatronBertConfig",
                                {**SHAPE, "hidden_act": "relu"}, TIED_PREDICTIONS),
}
IMAGES = {"vit_image": ("ViTForImageClassification", "ViTConfig", {"intermediate_size": 20}),
          "deit_image": ("DeiTForImageClassification", "DeiTConfig", {"intermediate_size": 20}),
          "dinov2_image": ("Dinov2ForImageClassification", "Dinov2Config", {"mlp_ratio": 2})}
