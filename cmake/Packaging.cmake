# Installation beyond the programs: data the programs read, and what a desktop wants to know. CPack makes a .deb and an archive.
set(shared ${CMAKE_INSTALL_DATADIR}/bitlathe)
foreach(kind devices models recipes)
  install(DIRECTORY resources/${kind} DESTINATION ${shared} OPTIONAL)
endforeach()
if(BITLATHE_GUI)
  install(FILES resources/packaging/org.bitlathe.Bitlathe.desktop DESTINATION ${CMAKE_INSTALL_DATADIR}/applications)
  install(FILES resources/packaging/org.bitlathe.Bitlathe.metainfo.xml DESTINATION ${CMAKE_INSTALL_DATADIR}/metainfo)
  install(FILES resources/packaging/org.bitlathe.Bitlathe.mime.xml DESTINATION ${CMAKE_INSTALL_DATADIR}/mime/packages)
  install(FILES resources/icons/org.bitlathe.Bitlathe.svg
          DESTINATION ${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps OPTIONAL)
endif()

set(CPACK_PACKAGE_CONTACT "Bitlathe developers")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR "TGZ;DEB")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "dataset-fashion-mnist, fonts-inter, libopenblas0-pthread")
include(CPack)
