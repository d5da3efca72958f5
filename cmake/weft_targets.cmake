# Options shared by weft's own targets, and the two forms of the library.

function(weft_common_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion
                         -ffp-contract=off)
endfunction()

# A library of the given kind made of weft_objects, with the public headers as its interface.
function(weft_add_library target kind)
  add_library(${target} ${kind} $<TARGET_OBJECTS:weft_objects>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PRIVATE DNNL::dnnl fmt::fmt Threads::Threads)
  if(WEFT_THREADS STREQUAL "openmp")
    target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  endif()
endfunction()

# Sources of one instruction-set level: always -O2 or better (at -O0 g++ leaves weak symbols that
# another level's object could be linked against), each in its own anonymous namespace.
function(weft_isa_sources isa)
  set(flags_baseline -march=x86-64-v2)
  set(flags_avx2 -march=haswell)
  set(flags_avx512 -march=skylake-avx512 -mprefer-vector-width=512)
  set(flags_avx512_bf16 -march=cooperlake -mprefer-vector-width=512)
  set(flags_amx ${flags_avx512_bf16} -mamx-tile -mamx-bf16 -mamx-int8)
  set(flags_avx512_vnni ${flags_avx512} -mavx512vnni)
  set_source_files_properties(${ARGN} TARGET_DIRECTORY weft_objects PROPERTIES COMPILE_OPTIONS
    "${flags_${isa}};-O3;-fno-exceptions;-fno-sanitize=all;-fno-math-errno;-fno-trapping-math")
  target_sources(weft_objects PRIVATE ${ARGN})
endfunction()
