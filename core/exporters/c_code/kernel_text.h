#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// One file of the C kernels as the library carries it (kernels/ beside this header).
struct KernelFile {
    std::string_view name;  ///< "bl_conv.c"
    std::string_view text;
};

const std::vector<KernelFile>& kernelFiles();

/// The text of a kernel file for one network: `#if`s over BL_HAS_... names are decided (true for those in
/// `features`), their directives and what is not needed go; all other directives stay. The include of
/// bl_config.h, which holds those names while the kernels are worked on, goes too.
/// Knows names, `||`, `&&`, `#else` and nesting. Errors  InvalidConfig: an `#endif` without its `#if` (our bug).
std::string kernelTextFor(std::string_view text, const std::set<std::string>& features);

}  // namespace bitlathe::core
