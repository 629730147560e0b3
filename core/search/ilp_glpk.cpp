#include "core/search/ilp_solver.h"

#include <glpk.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace bitlathe::core {

namespace {

struct ProblemDeleter {
    void operator()(glp_prob* problem) const { glp_delete_prob(problem); }
};
using Problem = std::unique_ptr<glp_prob, ProblemDeleter>;

/// GLPK compares objectives with absolute tolerances near 1e-7, while a sensitive network's costs are of that size:
/// the largest cost becomes this.
constexpr double kLargestCost = 1e4;

double costFactor(const IntegerProgram& program) {
    double largest = 0;
    for (const double cost : program.cost) {
        largest = std::max(largest, std::abs(cost));
    }
    return largest > 0 ? kLargestCost / largest : 1.0;
}

Problem build(const IntegerProgram& program) {
    Problem problem(glp_create_prob());
    glp_set_obj_dir(problem.get(), GLP_MIN);
    const double factor = costFactor(program);
    glp_add_cols(problem.get(), static_cast<int>(program.cost.size()));
    for (std::size_t column = 0; column < program.cost.size(); ++column) {
        const int j = static_cast<int>(column) + 1;
        glp_set_obj_coef(problem.get(), j, factor * program.cost[column]);
        glp_set_col_bnds(problem.get(), j, GLP_DB, 0, 1);
        if (program.isBinary[column]) {
            glp_set_col_kind(problem.get(), j, GLP_BV);
        }
    }
    glp_add_rows(problem.get(), std::max(1, static_cast<int>(program.rows.size())));
    for (std::size_t r = 0; r < program.rows.size(); ++r) {
        const IntegerProgram::Row& row = program.rows[r];
        const int i = static_cast<int>(r) + 1;
        std::vector<int> columns{0};  // GLPK counts from 1
        std::vector<double> values{0};
        for (const auto& [column, value] : row.terms) {
            columns.push_back(column + 1);
            values.push_back(value);
        }
        glp_set_row_bnds(problem.get(), i, row.kind == IntegerProgram::Row::Kind::Equal ? GLP_FX : GLP_UP,
                         row.bound, row.bound);
        glp_set_mat_row(problem.get(), i, static_cast<int>(row.terms.size()), columns.data(), values.data());
    }
    return problem;
}

class GlpkSolver final : public IlpSolver {
public:
    GlpkSolver() : m_name(std::string("GLPK ") + glp_version()) { glp_term_out(GLP_OFF); }

    std::string_view name() const noexcept override { return m_name; }

    IntegerSolution solve(const IntegerProgram& program, int timeLimitMs) const override {
        glp_term_out(GLP_OFF);  // GLPK's environment is each thread's own
        const Problem problem = build(program);
        glp_iocp options;
        glp_init_iocp(&options);
        options.msg_lev = GLP_MSG_OFF;
        options.presolve = GLP_ON;
        options.tm_lim = timeLimitMs;
        options.tol_int = 1e-7;
        const int ended = glp_intopt(problem.get(), &options);
        const int status = glp_mip_status(problem.get());
        IntegerSolution solution;
        if ((ended != 0 && ended != GLP_ETMLIM) || (status != GLP_OPT && status != GLP_FEAS)) {
            return solution;
        }
        solution.status =
            status == GLP_OPT ? IntegerSolution::Status::Optimal : IntegerSolution::Status::Feasible;
        for (std::size_t column = 0; column < program.cost.size(); ++column) {
            solution.values.push_back(glp_mip_col_val(problem.get(), static_cast<int>(column) + 1));
        }
        return solution;
    }

private:
    std::string m_name;
};

}  // namespace

std::unique_ptr<IlpSolver> makeIlpSolver() {
    return std::make_unique<GlpkSolver>();
}

}  // namespace bitlathe::core
