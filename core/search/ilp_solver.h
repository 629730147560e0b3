#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace bitlathe::core {

/// minimise cost x subject to lower <= row x <= upper, every x in [0, 1], some of them 0 or 1.
struct IntegerProgram {
    struct Row {
        enum class Kind { AtMost, Equal } kind = Kind::AtMost;
        double bound = 0;
        std::vector<std::pair<int, double>> terms;  ///< column, coefficient
    };
    std::vector<double> cost;
    std::vector<bool> isBinary;
    std::vector<Row> rows;

    int addColumn(double columnCost, bool isBinaryColumn) {
        cost.push_back(columnCost);
        isBinary.push_back(isBinaryColumn);
        return static_cast<int>(cost.size()) - 1;
    }
};

struct IntegerSolution {
    enum class Status {
        Optimal,
        Feasible,  ///< the time ran out with a solution in hand
        None,      ///< infeasible, or the time ran out before one was found
    };
    Status status = Status::None;
    std::vector<double> values;
};

/// What the searches need of an integer programming library; kept small so that another can stand in.
class IlpSolver {
public:
    virtual ~IlpSolver() = default;
    virtual std::string_view name() const noexcept = 0;
    virtual IntegerSolution solve(const IntegerProgram& program, int timeLimitMs) const = 0;
};

/// The solver of this build; null without one (CMake says so: libglpk-dev).
std::unique_ptr<IlpSolver> makeIlpSolver();

}  // namespace bitlathe::core
