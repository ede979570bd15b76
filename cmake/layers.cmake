# bayplan_layer(NAME FOLDER [DEPENDS …] [LIBRARIES …]): one static library a folder of src/.
#
# DEPENDS names the layers that this one may include; the arrows are those of docs/architecture.md and are also
# checked, include by include, by scripts/check-layers.
function(bayplan_layer name folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(sources)
    add_library(bayplan_${name} STATIC ${sources})
    set(scope PUBLIC)
    target_precompile_headers(bayplan_${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)
  else()
    add_library(bayplan_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(bayplan_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND bayplan_)
  target_link_libraries(bayplan_${name} ${scope} ${ARG_DEPENDS} ${ARG_LIBRARIES})
endfunction()
