set(attention_tests attention_test.cpp attention_keys_test.cpp)
