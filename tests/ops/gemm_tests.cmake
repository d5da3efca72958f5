set(gemm_tests linear_test.cpp matmul_test.cpp)

weft_add_tests(weft_product_tests PER_PRODUCT_ISA SOURCES isa_test.cpp product_test.cpp)

# A weak symbol in a kernel object could be what another level's code is linked to.
add_test(NAME kernel_objects_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/kernel_objects_test.sh ${CMAKE_NM}
                 $<FILTER:$<TARGET_OBJECTS:weft_objects>,INCLUDE,kernels_>
         COMMAND_EXPAND_LISTS)
