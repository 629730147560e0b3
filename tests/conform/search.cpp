#include "tests/conform/case.h"

namespace bitlathe::conform {

std::vector<Kind> searchKinds() {
    return {};
}

}  // namespace bitlathe::conform
