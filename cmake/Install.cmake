# cmake --install FOLDER [--prefix DIR]: bin/coxswain, share/coxswain/{configs,jobscripts}, share/doc/coxswain.
include(GNUInstallDirs)
if(TARGET coxswain)
  # Libraries from modules lie outside the system's paths: the installed program finds them where it was linked.
  set_target_properties(coxswain PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS coxswain RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/coxswain FILES_MATCHING PATTERN "*.cfg" PATTERN "*.py")
install(DIRECTORY jobscripts DESTINATION ${CMAKE_INSTALL_DATADIR}/coxswain USE_SOURCE_PERMISSIONS)
file(GLOB documents ${CMAKE_SOURCE_DIR}/*.md ${CMAKE_SOURCE_DIR}/LICENSE*)
install(FILES ${documents} DESTINATION ${CMAKE_INSTALL_DOCDIR})
