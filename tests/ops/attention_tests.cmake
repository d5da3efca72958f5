set(attention_tests attention_test.cpp)
