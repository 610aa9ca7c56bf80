# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# Headers, libraries, the CMake package and the pkg-config file. Either library may be left out or
# be removed afterwards, and the tree may be moved.

set(hvemu_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/hvemu")

foreach(name IN ITEMS static shared)
    if(TARGET hvemu_${name})
        install(TARGETS hvemu_${name} EXPORT hvemu-${name} FILE_SET HEADERS)
        install(EXPORT hvemu-${name} NAMESPACE hvemu:: DESTINATION "${hvemu_package_dir}"
            FILE hvemu-${name}-targets.cmake)
    endif()
endforeach()

configure_package_config_file(cmake/hvemu-config.cmake.in hvemu-config.cmake
    INSTALL_DESTINATION "${hvemu_package_dir}"
    PATH_VARS CMAKE_INSTALL_LIBDIR
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(hvemu-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/hvemu-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/hvemu-config-version.cmake"
    DESTINATION "${hvemu_package_dir}")

# Directories below the prefix are written relative to the place of the file itself, so that the
# tree can be moved; absolute ones stand as they are.
set(hvemu_pc_prefix "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH hvemu_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" hvemu_pc_prefix "\${pcfiledir}/${hvemu_pc_prefix}")
endif()
foreach(dir IN ITEMS INCLUDEDIR LIBDIR)
    string(TOLOWER "hvemu_pc_${dir}" variable)
    set(${variable} "${CMAKE_INSTALL_${dir}}")
    if(NOT IS_ABSOLUTE "${${variable}}")
        set(${variable} "\${prefix}/${${variable}}")
    endif()
endforeach()
configure_file(libhvemu.pc.in libhvemu.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/libhvemu.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
