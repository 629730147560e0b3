#pragma once

#include "core/types/rounding.h"

namespace bitlathe::core {

/// Calls body.operator()<R>() for a rounding known at run time, so that each loop is compiled for one of them. It is
/// inlined into the kernel that calls it and has its instruction set; so has a body that is marked always_inline.
template <typename Body>
__attribute__((always_inline)) inline void withRounding(Rounding rounding, const Body& body) {
    switch (rounding) {
    case Rounding::HalfEven:
        return body.template operator()<Rounding::HalfEven>();
    case Rounding::HalfAway:
        return body.template operator()<Rounding::HalfAway>();
    case Rounding::HalfUp:
        return body.template operator()<Rounding::HalfUp>();
    case Rounding::Floor:
        return body.template operator()<Rounding::Floor>();
    }
}

}  // namespace bitlathe::core
