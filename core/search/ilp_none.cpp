// Stands in for ilp_glpk.cpp in a build without GLPK.
#include "core/search/ilp_solver.h"

namespace bitlathe::core {

std::unique_ptr<IlpSolver> makeIlpSolver() {
    return nullptr;
}

}  // namespace bitlathe::core
