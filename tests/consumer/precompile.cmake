# Included by CMake after weft's project() in the add_subdirectory test: parses the headers that most
# sources share once. A third of the test's time; kernels have flags of their own and stay out.
function(weft_precompile)
  get_target_property(sources weft_objects SOURCES)
  list(FILTER sources INCLUDE REGEX "kernels_|_amx|_avx")
  set_source_files_properties(${sources} TARGET_DIRECTORY weft_objects
                              PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_precompile_headers(weft_objects PRIVATE
    <fmt/format.h> <fmt/ranges.h> <algorithm> <atomic> <chrono> <filesystem> <functional> <map>
    <memory> <mutex> <optional> <random> <string> <thread> <variant> <vector>)
endfunction()
cmake_language(DEFER CALL weft_precompile)
