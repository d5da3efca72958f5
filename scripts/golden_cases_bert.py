"""Goldens of BERT and what descends from it with absolute or relative positions."""
import torch
import transformers

import reference_models
from tiny_models import fields_of, prefixed, randomize, reference, sequences, write_case

BERT_SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
              "intermediate_size", "max_position_embeddings")


def roberta():
    """pad_token_id 3 (not the default), also inside texts; the longest text fills every position."""
    config = transformers.RobertaConfig(
        vocab_size=40, hidden_size=30, num_hidden_layers=3, num_attention_heads=3,
        intermediate_size=44, max_position_embeddings=14, type_vocab_size=2, pad_token_id=3,
        layer_norm_eps=1e-5, hidden_act="gelu_new")
    model = transformers.RobertaModel(config)
    state = randomize(model, 101)
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "pad_token_id", "layer_norm_eps",
                                             "hidden_act"), architectures=["RobertaModel"])
    ids, types = sequences(40, [1, 10, 5, 9], 102, 2)
    ids[1][4] = ids[1][5] = ids[3][0] = ids[3][8] = 3
    write_case("roberta/pad_ids_in_texts", reference(model, state), state, fields, ids, types)


def xlm_roberta():
    """Saved with a head: names under "roberta."; no pooler, one token type, F16."""
    config = transformers.XLMRobertaConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=11, type_vocab_size=1)
    model = transformers.XLMRobertaModel(config, add_pooling_layer=False)
    state = {name: tensor.half() for name, tensor in randomize(model, 103).items()}
    stored = prefixed(state, "roberta")
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size",), architectures=["XLMRobertaModel"])
    ids, _ = sequences(50, [9, 1, 6], 104)
    write_case("xlm-roberta/half_precision", reference(model, state), stored, fields, ids)


def camembert():
    """Names under "camembert."; gamma and beta; stored position_ids."""
    config = transformers.CamembertConfig(
        vocab_size=36, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=40, max_position_embeddings=14, hidden_act="relu")
    model = transformers.CamembertModel(config)
    state = randomize(model, 105)
    stored = {k.replace("LayerNorm.weight", "LayerNorm.gamma")
               .replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state.items()}
    stored["embeddings.position_ids"] = torch.arange(14).unsqueeze(0)
    fields = fields_of(config, BERT_SIZES + ("hidden_act",), architectures=["CamembertModel"])
    ids, types = sequences(36, [12, 3, 1], 106, 2)
    write_case("camembert/legacy_names", reference(model, state), prefixed(stored, "camembert"),
               fields, ids, types)


def distilbert():
    config = transformers.DistilBertConfig(
        vocab_size=40, dim=35, n_layers=2, n_heads=5, hidden_dim=50, max_position_embeddings=9,
        activation="relu")
    model = transformers.DistilBertModel(config)
    state = randomize(model, 107)
    fields = fields_of(config, ("vocab_size", "dim", "n_layers", "n_heads", "hidden_dim",
                                "max_position_embeddings", "activation"),
                       architectures=["DistilBertModel"])
    ids, _ = sequences(40, [9, 1, 6, 2], 108)
    write_case("distilbert/five_heads", reference(model, state), prefixed(state, "distilbert"),
               fields, ids)


def electra_narrow():
    config = transformers.ElectraConfig(
        vocab_size=40, embedding_size=20, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=4, intermediate_size=50, max_position_embeddings=9, type_vocab_size=3,
        layer_norm_eps=1e-6)
    model = transformers.ElectraModel(config)
    state = randomize(model, 109)
    fields = fields_of(config, BERT_SIZES + ("embedding_size", "type_vocab_size", "layer_norm_eps"),
                       architectures=["ElectraModel"])
    ids, types = sequences(40, [9, 4, 1], 110, 3)
    write_case("electra/narrow_embeddings", reference(model, state), prefixed(state, "electra"),
               fields, ids, types)


def electra_wide():
    """embedding_size absent means 128, here the hidden size: nothing is projected."""
    config = transformers.ElectraConfig(
        vocab_size=20, hidden_size=128, num_hidden_layers=1, num_attention_heads=8,
        intermediate_size=32, max_position_embeddings=8)
    model = transformers.ElectraModel(config)
    state = {name: tensor.bfloat16() for name, tensor in randomize(model, 111).items()}
    fields = fields_of(config, BERT_SIZES, architectures=["ElectraModel"])
    ids, types = sequences(20, [3, 8], 112, 2)
    write_case("electra/no_projection", reference(model, state), state, fields, ids, types,
               forms=("ragged",))


def ernie_task():
    """Every token is of task 0; four token types, F16."""
    config = transformers.ErnieConfig(
        vocab_size=40, hidden_size=30, num_hidden_layers=3, num_attention_heads=5,
        intermediate_size=44, max_position_embeddings=11, type_vocab_size=4, layer_norm_eps=1e-5,
        hidden_act="relu", use_task_id=True, task_type_vocab_size=2)
    model = transformers.ErnieModel(config)
    state = {name: tensor.half() for name, tensor in randomize(model, 161).items()}
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "layer_norm_eps", "hidden_act",
                                             "use_task_id", "task_type_vocab_size"),
                       architectures=["ErnieModel"])
    ids, types = sequences(40, [11, 1, 6], 162, 4)
    write_case("ernie/task", reference(model, state), prefixed(state, "ernie"), fields, ids, types)


def ernie_defaults():
    """No task (the default), no pooler, BF16."""
    config = transformers.ErnieConfig(
        vocab_size=36, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=40, max_position_embeddings=9)
    model = transformers.ErnieModel(config, add_pooling_layer=False)
    state = {name: tensor.bfloat16() for name, tensor in randomize(model, 163).items()}
    fields = fields_of(config, BERT_SIZES, architectures=["ErnieModel"])
    ids, types = sequences(36, [9, 4, 1], 164, 2)
    write_case("ernie/defaults", reference(model, state), state, fields, ids, types)


def megatron_bert():
    """Norms before each part of a layer; three token types, F16."""
    config = transformers.MegatronBertConfig(
        vocab_size=40, hidden_size=30, num_hidden_layers=3, num_attention_heads=5,
        intermediate_size=44, max_position_embeddings=11, type_vocab_size=3, layer_norm_eps=1e-5,
        hidden_act="relu")
    model = transformers.MegatronBertModel(config)
    state = {name: tensor.half() for name, tensor in randomize(model, 165).items()}
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "layer_norm_eps", "hidden_act"),
                       architectures=["MegatronBertModel"])
    ids, types = sequences(40, [11, 1, 6], 166, 3)
    write_case("megatron-bert/three_types", reference(model, state), prefixed(state, "bert"),
               fields, ids, types)


def megatron_bert_defaults():
    """No pooler."""
    config = transformers.MegatronBertConfig(
        vocab_size=36, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=40, max_position_embeddings=9)
    model = transformers.MegatronBertModel(config, add_pooling_layer=False)
    state = randomize(model, 167)
    fields = fields_of(config, BERT_SIZES, architectures=["MegatronBertModel"])
    ids, _ = sequences(36, [9, 4, 1], 168)
    write_case("megatron-bert/defaults", reference(model, state), state, fields, ids)


def albert_groups():
    """Three layers in two groups of unequal length, two inner layers each."""
    config = transformers.AlbertConfig(
        vocab_size=40, embedding_size=20, hidden_size=32, num_hidden_layers=3,
        num_hidden_groups=2, inner_group_num=2, num_attention_heads=2, intermediate_size=50,
        max_position_embeddings=7, hidden_act="gelu")
    model = transformers.AlbertModel(config)
    state = randomize(model, 113)
    fields = fields_of(config, BERT_SIZES + ("embedding_size", "num_hidden_groups",
                                             "inner_group_num", "hidden_act"),
                       architectures=["AlbertModel"])
    ids, types = sequences(40, [7, 4, 1], 114, 2)
    write_case("albert/groups", reference(model, state), prefixed(state, "albert"), fields, ids,
               types, forms=("ragged", "left"))


def albert_defaults():
    """One group (the default), gelu_new (the default), no pooler."""
    config = transformers.AlbertConfig(
        vocab_size=30, embedding_size=16, hidden_size=24, num_hidden_layers=3,
        num_attention_heads=3, intermediate_size=40, max_position_embeddings=12)
    model = transformers.AlbertModel(config, add_pooling_layer=False)
    state = randomize(model, 115)
    fields = fields_of(config, BERT_SIZES + ("embedding_size",), architectures=["AlbertModel"])
    ids, _ = sequences(30, [12, 5, 1], 116)
    write_case("albert/defaults", reference(model, state), state, fields, ids,
               forms=("ragged", "right"))


def mpnet():
    """Texts longer than a quarter of the buckets, so that some are logarithmic. Positions are counted
    past id 1, whatever pad_token_id says; so transformers' positions depend on left padding."""
    config = transformers.MPNetConfig(
        vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=36, max_position_embeddings=32, layer_norm_eps=1e-5, hidden_act="relu",
        pad_token_id=2)
    model = transformers.MPNetModel(config)
    state = randomize(model, 129)
    fields = fields_of(config, BERT_SIZES + ("layer_norm_eps", "hidden_act", "pad_token_id",
                                             "relative_attention_num_buckets"),
                       architectures=["MPNetModel"])
    ids, _ = sequences(40, [29, 1, 6], 130)
    ids[0][11] = ids[2][0] = 1
    ids[0][5] = ids[2][3] = 2
    write_case("mpnet/pad_ids_in_texts", reference(model, state), prefixed(state, "mpnet"), fields,
               ids, forms=("ragged", "right"))


def jina_bert(name, seed, post_norm=False, **more):
    config = {"model_type": "bert", "architectures": ["JinaBertModel"], "vocab_size": 40,
              "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
              "intermediate_size": 20, "max_position_embeddings": 9, "type_vocab_size": 2,
              "layer_norm_eps": 1e-5, "position_embedding_type": "alibi",
              "feed_forward_type": "geglu", "auto_map": {"AutoModel": "modeling_bert.JinaBertModel"}}
    config |= more
    state = randomize(reference_models.jina_bert_parameters(config, post_norm), seed)
    ids, types = sequences(40, [9, 1, 5], seed + 1, 2)
    model = reference_models.JinaBert(config | {"pad_token_id": 0}, state)
    write_case(f"jina_bert/{name}", model, state, config, ids, types)


def jina_bert_geglu():
    """Three heads: slopes of a number that is no power of two."""
    jina_bert("geglu_three_heads", 137)


def jina_bert_reglu():
    jina_bert("reglu", 139, feed_forward_type="reglu", num_attention_heads=4)


def jina_bert_post_norm():
    """jina-embeddings-v2-base-code's version of the code; six heads."""
    jina_bert("qk_post_norm", 163, post_norm=True, num_attention_heads=6)


DEBERTA_SIZES = BERT_SIZES + ("relative_attention", "pos_att_type", "position_biased_input",
                              "type_vocab_size")


def deberta_v3():
    """Logarithmic buckets, projections shared with the content, normalised relative embeddings."""
    more = {"position_buckets": 8, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
    config = transformers.DebertaV2Config(
        vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=36, max_position_embeddings=24, relative_attention=True,
        pos_att_type="p2c|c2p", position_biased_input=False, **more)
    model = transformers.DebertaV2Model(config)
    state = randomize(model, 153)
    fields = fields_of(config, DEBERTA_SIZES, architectures=["DebertaV2Model"],
                       max_relative_positions=-1, **more) | {"pos_att_type": "p2c|c2p"}
    ids, _ = sequences(40, [24, 1, 7], 154)
    write_case("deberta-v2/v3", reference(model, state), prefixed(state, "deberta"), fields, ids,
               attentions=("left",))


def deberta_v2():
    """A row per distance, own projections, a convolution, narrow embeddings, positions, types."""
    more = {"conv_kernel_size": 3, "conv_act": "gelu", "embedding_size": 16}
    config = transformers.DebertaV2Config(
        vocab_size=40, hidden_size=20, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=30, max_position_embeddings=12, relative_attention=True,
        max_relative_positions=4, pos_att_type=["c2p", "p2c"], type_vocab_size=2,
        layer_norm_eps=1e-5, **more)
    model = transformers.DebertaV2Model(config)
    state = randomize(model, 155)
    fields = fields_of(config, DEBERTA_SIZES + ("max_relative_positions", "layer_norm_eps"),
                       architectures=["DebertaV2Model"], **more)
    ids, types = sequences(40, [12, 1, 5], 156, 2)
    write_case("deberta-v2/convolution", reference(model, state), state, fields, ids, types)


def deberta_content_to_position():
    """One term only; the other case of it, and no relative attention at all, are variations."""
    config = transformers.DebertaV2Config(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=20, max_position_embeddings=10, relative_attention=True,
        pos_att_type=["c2p"], position_biased_input=False)
    model = transformers.DebertaV2Model(config)
    state = randomize(model, 157)
    fields = fields_of(config, DEBERTA_SIZES, architectures=["DebertaV2Model"])
    ids, _ = sequences(30, [10, 1, 5], 158)
    write_case("deberta-v2/content_to_position", reference(model, state), state, fields, ids,
               forms=("ragged",))


def deberta_position_to_content():
    config = transformers.DebertaV2Config(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=20, max_position_embeddings=10, relative_attention=True,
        pos_att_type=["p2c"], position_biased_input=False)
    model = transformers.DebertaV2Model(config)
    state = randomize(model, 159)
    fields = fields_of(config, DEBERTA_SIZES, architectures=["DebertaV2Model"])
    ids, _ = sequences(30, [10, 1, 5], 160)
    write_case("deberta-v2/position_to_content", reference(model, state), state, fields, ids,
               forms=("ragged",))


CASES = (roberta, xlm_roberta, camembert, distilbert, electra_narrow, electra_wide, ernie_task,
         ernie_defaults, megatron_bert, megatron_bert_defaults, albert_groups, albert_defaults,
         mpnet, jina_bert_geglu, jina_bert_reglu, jina_bert_post_norm,
         deberta_v3, deberta_v2, deberta_content_to_position, deberta_position_to_content)
