#include "core/search/bit_search.h"

#include "core/search/ilp_solver.h"
#include "core/search/search_verdict.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kBitsPerByte = 8;
constexpr int kTightenings = 3;

/// A limit over choices: coefficients by site and choice. In bytes or bit operations, exact.
struct Constraint {
    std::int64_t bound = 0;
    std::map<int, std::vector<std::int64_t>> bySite;

    bool canBeBroken() const {
        std::int64_t most = 0;
        for (const auto& [site, values] : bySite) {
            most += *std::max_element(values.begin(), values.end());
        }
        return most > bound;
    }
};

Constraint romConstraint(const SearchSpace& space, const SearchLimits& limits) {
    Constraint constraint{limits.romBytes - space.fixedRomBytes, {}};
    for (std::size_t i = 0; i < space.sites.size(); ++i) {
        std::vector<std::int64_t> values;
        for (const SearchSite::Choice& choice : space.sites[i].choices) {
            values.push_back(choice.romBytes);
        }
        if (std::any_of(values.begin(), values.end(), [](std::int64_t bytes) { return bytes != 0; })) {
            constraint.bySite[static_cast<int>(i)] = std::move(values);
        }
    }
    return constraint;
}

Constraint stepConstraint(const SearchSpace& space, const SearchStep& step, std::int64_t ramBytes) {
    Constraint constraint{ramBytes - step.fixedBytes, {}};
    for (const SearchStep::Term& term : step.terms) {
        const auto& choices = space.sites[static_cast<std::size_t>(term.site)].choices;
        std::vector<std::int64_t>& values = constraint.bySite[term.site];
        values.resize(choices.size(), 0);
        for (std::size_t b = 0; b < choices.size(); ++b) {
            values[b] += (term.elements * choices[b].bits + kBitsPerByte - 1) / kBitsPerByte;
        }
    }
    return constraint;
}

/// Sites that a constraint links have to be decided together, others may be decided apart.
class Components {
public:
    explicit Components(std::size_t sites) : m_parent(sites) {
        std::iota(m_parent.begin(), m_parent.end(), 0);
    }
    int of(int site) {
        int& parent = m_parent[static_cast<std::size_t>(site)];
        return parent == site ? site : parent = of(parent);
    }
    void join(int a, int b) { m_parent[static_cast<std::size_t>(of(a))] = of(b); }

private:
    std::vector<int> m_parent;
};

/// The choices worth offering: none that a narrower one matches in cost, for narrower is never worse elsewhere.
std::vector<int> usefulChoices(const SearchSite& site) {
    std::vector<int> useful;
    for (int b = static_cast<int>(site.choices.size()) - 1; b >= 0; --b) {
        const auto cost = [&](int i) { return site.choices[static_cast<std::size_t>(i)].cost; };
        const bool isCheaper =
            std::all_of(useful.begin(), useful.end(), [&](int narrower) { return cost(b) < cost(narrower); });
        if (isCheaper) {
            useful.push_back(b);
        }
    }
    return useful;  // narrowest first: the cheapest last
}

class Formulation {
public:
    Formulation(const SearchSpace& space, const SearchLimits& limits) : m_space(space), m_limits(limits) {
        for (const SearchSite& site : space.sites) {
            m_useful.push_back(usefulChoices(site));
            m_choice.push_back(m_useful.back().back());
        }
        addConstraint(romConstraint(space, limits));
        for (const SearchStep& step : space.steps) {
            addConstraint(stepConstraint(space, step, limits.ramBytes));
        }
    }

    /// The cheapest choice that keeps the limits; empty when the solver gave none in time.
    std::optional<std::vector<int>> solve(const IlpSolver& solver, int timeLimitMs) {
        const bool areProductsBound =
            m_limits.bitOperations && m_space.bitOperations(m_choice) > *m_limits.bitOperations;
        Components components(m_space.sites.size());
        for (const Constraint& constraint : m_constraints) {
            for (const auto& [site, values] : constraint.bySite) {
                components.join(site, constraint.bySite.begin()->first);
            }
        }
        if (areProductsBound) {
            for (const SearchProduct& product : m_space.products) {
                components.join(product.weight, m_space.products.front().weight);
                components.join(product.input, m_space.products.front().weight);
            }
        }
        std::map<int, std::vector<int>> members;
        for (std::size_t i = 0; i < m_space.sites.size(); ++i) {
            members[components.of(static_cast<int>(i))].push_back(static_cast<int>(i));
        }
        for (const auto& [root, sites] : members) {
            const bool hasProducts =
                areProductsBound && components.of(m_space.products.front().weight) == root;
            if (!solveComponent(solver, timeLimitMs, sites, hasProducts)) {
                return std::nullopt;
            }
        }
        return m_choice;
    }

    bool isOptimal() const noexcept { return m_isOptimal; }

private:
    void addConstraint(Constraint constraint) {
        // Sites with one choice are constants.
        for (auto entry = constraint.bySite.begin(); entry != constraint.bySite.end();) {
            if (m_useful[static_cast<std::size_t>(entry->first)].size() == 1) {
                constraint.bound -= entry->second[static_cast<std::size_t>(
                    m_useful[static_cast<std::size_t>(entry->first)].front())];
                entry = constraint.bySite.erase(entry);
            } else {
                ++entry;
            }
        }
        if (!constraint.bySite.empty() && constraint.canBeBroken()) {
            m_constraints.push_back(std::move(constraint));
        }
    }

    bool solveComponent(const IlpSolver& solver, int timeLimitMs, const std::vector<int>& sites,
                        bool hasProducts) {
        const auto isOwn = [&](const Constraint& constraint) {
            return std::find(sites.begin(), sites.end(), constraint.bySite.begin()->first) != sites.end();
        };
        if (!hasProducts && std::none_of(m_constraints.begin(), m_constraints.end(), isOwn)) {
            return true;  // the cheapest choices are free
        }
        IntegerProgram program;
        m_column.assign(m_space.sites.size(), {});
        for (const int site : sites) {
            addSite(program, site);
        }
        for (const Constraint& constraint : m_constraints) {
            if (isOwn(constraint)) {
                addRow(program, constraint);
            }
        }
        if (hasProducts) {
            addProducts(program);
        }
        const IntegerSolution solution = solver.solve(program, timeLimitMs);
        m_isOptimal = m_isOptimal && solution.status == IntegerSolution::Status::Optimal;
        if (solution.status == IntegerSolution::Status::None) {
            return false;
        }
        for (const int site : sites) {
            for (const auto& [choice, column] : m_column[static_cast<std::size_t>(site)]) {
                if (solution.values[static_cast<std::size_t>(column)] > 0.5) {
                    m_choice[static_cast<std::size_t>(site)] = choice;
                }
            }
        }
        return true;
    }

    void addSite(IntegerProgram& program, int site) {
        const auto i = static_cast<std::size_t>(site);
        IntegerProgram::Row one{IntegerProgram::Row::Kind::Equal, 1.0, {}};
        for (const int choice : m_useful[i]) {
            const int column =
                program.addColumn(m_space.sites[i].choices[static_cast<std::size_t>(choice)].cost, true);
            m_column[i][choice] = column;
            one.terms.emplace_back(column, 1.0);
        }
        program.rows.push_back(std::move(one));
    }

    /// Divided by the bound's size: solvers compare with tolerances near 1e-7 of 1.
    void addRow(IntegerProgram& program, const Constraint& constraint) const {
        const double unit = 1.0 / static_cast<double>(std::max<std::int64_t>(1, std::abs(constraint.bound)));
        IntegerProgram::Row row{
            IntegerProgram::Row::Kind::AtMost, static_cast<double>(constraint.bound) * unit, {}};
        for (const auto& [site, values] : constraint.bySite) {
            for (const auto& [choice, column] : m_column[static_cast<std::size_t>(site)]) {
                row.terms.emplace_back(column,
                                       static_cast<double>(values[static_cast<std::size_t>(choice)]) * unit);
            }
        }
        program.rows.push_back(std::move(row));
    }

    /// y[w,a] in [0,1] with row sums x_w and column sums x_a: at whole x the product itself.
    void addProducts(IntegerProgram& program) const {
        const double unit = 1.0 / static_cast<double>(std::max<std::int64_t>(1, *m_limits.bitOperations));
        IntegerProgram::Row limit{
            IntegerProgram::Row::Kind::AtMost, static_cast<double>(*m_limits.bitOperations) * unit, {}};
        for (const SearchProduct& product : m_space.products) {
            const auto& weights = m_column[static_cast<std::size_t>(product.weight)];
            const auto& inputs = m_column[static_cast<std::size_t>(product.input)];
            std::map<int, IntegerProgram::Row> byInput;
            for (const auto& [w, weightColumn] : weights) {
                IntegerProgram::Row sum{IntegerProgram::Row::Kind::Equal, 0.0, {{weightColumn, -1.0}}};
                for (const auto& [a, inputColumn] : inputs) {
                    const int column = program.addColumn(0.0, false);
                    sum.terms.emplace_back(column, 1.0);
                    byInput[inputColumn].terms.emplace_back(column, 1.0);
                    limit.terms.emplace_back(column,
                                             static_cast<double>(product.macs * bitsOf(product.weight, w) *
                                                                 bitsOf(product.input, a)) *
                                                 unit);
                }
                program.rows.push_back(std::move(sum));
            }
            for (auto& [inputColumn, sum] : byInput) {
                sum.kind = IntegerProgram::Row::Kind::Equal;
                sum.bound = 0.0;
                sum.terms.emplace_back(inputColumn, -1.0);
                program.rows.push_back(std::move(sum));
            }
        }
        program.rows.push_back(std::move(limit));
    }

    std::int64_t bitsOf(int site, int choice) const {
        return m_space.sites[static_cast<std::size_t>(site)].choices[static_cast<std::size_t>(choice)].bits;
    }

    const SearchSpace& m_space;
    const SearchLimits& m_limits;
    std::vector<std::vector<int>> m_useful;
    std::vector<int> m_choice;  ///< starts with the cheapest everywhere
    std::vector<Constraint> m_constraints;
    std::vector<std::map<int, int>> m_column;  ///< by site: choice to column
    bool m_isOptimal = true;
};

SearchLimits tightened(SearchLimits asked, const SearchLimits& limits, const SearchSpace& space,
                       const std::vector<int>& choice) {
    asked.romBytes -= std::max<std::int64_t>(0, space.romBytes(choice) - limits.romBytes);
    asked.ramBytes -= std::max<std::int64_t>(0, space.peakRamBytes(choice) - limits.ramBytes);
    if (asked.bitOperations) {
        *asked.bitOperations -=
            std::max<std::int64_t>(0, space.bitOperations(choice) - *limits.bitOperations);
    }
    return asked;
}

}  // namespace

SearchResult searchIlp(const SearchSpace& space, const SearchLimits& limits, int timeLimitMs) {
    requireLimits(limits);
    std::vector<int> least = narrowest(space);
    if (!keeps(space, limits, least)) {
        return judged(space, limits, std::move(least), "ilp", false);
    }
    const std::unique_ptr<IlpSolver> solver = makeIlpSolver();
    // A solver compares with tolerances; a solution that is a few bytes over is asked for again that much tighter.
    SearchLimits asked = limits;
    for (int i = 0; solver != nullptr && i < kTightenings; ++i) {
        Formulation formulation(space, asked);
        const auto choice = formulation.solve(*solver, timeLimitMs);
        if (!choice) {
            break;
        }
        if (keeps(space, limits, *choice)) {
            return judged(space, limits, *choice, "ilp", formulation.isOptimal() && i == 0);
        }
        asked = tightened(asked, limits, space, *choice);
    }
    return searchGreedy(space, limits);
}

std::string_view ilpSolverName() noexcept {
    static const std::string kName = [] {
        const std::unique_ptr<IlpSolver> solver = makeIlpSolver();
        return solver == nullptr ? std::string() : std::string(solver->name());
    }();
    return kName;
}

}  // namespace bitlathe::core
