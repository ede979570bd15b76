# Compiler, linker and sanitizer settings that hold for every target.
option(BAYPLAN_WERROR "Warnings are errors" ON)
set(BAYPLAN_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
                    -Wconversion -Wsign-conversion -Wimplicit-fallthrough -fno-omit-frame-pointer)
# GCC 12 at -O2 takes the static empty table of boost::json::array for something that is freed.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-free-nonheap-object>)
# GCC 12 takes the value of a std::expected, optional or variant that was just checked for one that may not be there.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(BAYPLAN_WERROR)
  add_compile_options(-Werror)
endif()
if(BAYPLAN_SANITIZE)
  add_compile_options(-fsanitize=${BAYPLAN_SANITIZE} -fno-sanitize-recover=all -O1 -g1)
  add_link_options(-fsanitize=${BAYPLAN_SANITIZE})
endif()
