# Installs what is made at the time of installing: see CMakeLists.txt beside this file, which sets the variables.
set(root "$ENV{DESTDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_PREFIX}")
  get_filename_component(CMAKE_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}" ABSOLUTE)
endif()

set(BAYPLAN_SBINDIR "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}")
set(BAYPLAN_DOCDIR "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}")
configure_file("${CMAKE_CURRENT_SOURCE_DIR}/baypland.service.in" "${CMAKE_CURRENT_BINARY_DIR}/baypland.service" @ONLY)
file(INSTALL "${CMAKE_CURRENT_BINARY_DIR}/baypland.service" DESTINATION "${CMAKE_INSTALL_PREFIX}/${BAYPLAN_UNITDIR}")

function(install_completion shell file folder)
  execute_process(COMMAND "${BAYPLAN_PROGRAM}" completion ${shell} OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/${file}" "${script}")
  file(INSTALL "${CMAKE_CURRENT_BINARY_DIR}/${file}" DESTINATION "${CMAKE_INSTALL_PREFIX}/${folder}")
endfunction()
install_completion(bash bayplan "${BAYPLAN_BASHDIR}")
install_completion(fish bayplan.fish "${BAYPLAN_FISHDIR}")

if(EXISTS "${root}/etc/bayplan/bayplan.toml")
  message(STATUS "Kept: ${root}/etc/bayplan/bayplan.toml")
else()
  file(INSTALL "${CMAKE_CURRENT_SOURCE_DIR}/bayplan.toml" DESTINATION /etc/bayplan)
endif()
