#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bitlathe::conform {

using Json = nlohmann::json;

/// A tensor of a case. Files write it as {"shape", "data"}, as a flat list beside "<name>_shape", or as a
/// bare list.
struct Tensor {
    std::vector<std::int64_t> shape;
    std::vector<double> values;

    std::size_t size() const noexcept { return values.size(); }
    std::vector<float> floats() const { return {values.begin(), values.end()}; }
    std::int64_t dim(std::size_t i) const { return shape.at(i); }
};

/// Throws when a tensor has no values, or other than its shape says: a case that contradicts itself fails alone.
void requireSize(const Tensor& tensor, const std::string& what);

/// A run of values that share parameters, as positions in its tensor.
using Slice = std::vector<std::size_t>;

/// Positions of each slice of a tensor: one for all when axis is empty, else one per index along it, or per
/// run of `perSlice` indices.
std::vector<Slice> slices(const std::vector<std::int64_t>& shape, std::optional<int> axis,
                          std::int64_t perSlice = 1);
std::vector<float> gather(const std::vector<float>& values, const Slice& slice);
void scatter(std::vector<float>& values, const Slice& slice, const std::vector<float>& part);

struct Tolerance {
    double absolute = 0;
    double relative = 0;
};

enum class Verdict { Passed, Failed, Skipped };

struct Outcome {
    Verdict verdict = Verdict::Passed;
    std::string reason;  ///< why it failed or was skipped
};

/// One case of a file: its parts, and the record of what was compared. Every field of "expected" must be
/// compared or explicitly set aside; one that is forgotten fails the case.
class Case {
public:
    explicit Case(const Json& json);

    std::string name() const;
    const Json& json() const noexcept { return m_json; }
    const Json& params() const noexcept { return m_params; }
    const Json& inputs() const noexcept { return m_inputs; }
    const Json& expected() const noexcept { return m_expected; }

    bool hasParam(const std::string& key) const { return m_params.contains(key) && !m_params[key].is_null(); }
    bool hasInput(const std::string& key) const { return m_inputs.contains(key) && !m_inputs[key].is_null(); }
    bool expects(const std::string& key) const { return m_expected.contains(key); }
    double number(const std::string& key) const;
    double number(const std::string& key, double otherwise) const;
    int integer(const std::string& key) const { return static_cast<int>(number(key)); }
    bool flag(const std::string& key, bool otherwise = false) const;
    std::string text(const std::string& key, const std::string& otherwise = "") const;
    Tensor input(const std::string& key) const;
    std::vector<float> floats(const std::string& key) const { return input(key).floats(); }

    /// Compare one field of "expected"; absent fields are fine, null means "not representable" and is
    /// skipped.
    void check(const std::string& key, const std::vector<double>& got, const Tolerance& tolerance);
    void check(const std::string& key, const std::vector<float>& got, const Tolerance& tolerance);
    void check(const std::string& key, double got, const Tolerance& tolerance);
    /// Codes: equal, or the case fails.
    void checkExact(const std::string& key, const std::vector<std::int64_t>& got);
    void checkExact(const std::string& key, std::int64_t got) {
        checkExact(key, std::vector<std::int64_t>{got});
    }
    void checkText(const std::string& key, const std::string& got);
    /// The same against a value that is not a field of its own.
    void compare(const std::string& what, const Json& expected, const std::vector<double>& got,
                 const Tolerance& tolerance);
    /// A field that is not a result of the library: why.
    void setAside(const std::string& key, const std::string& why);
    void require(bool isTrue, const std::string& what);
    void skip(const std::string& reason);

    /// The verdict, after every comparison.
    Outcome outcome() const;

private:
    const Json& m_json;
    Json m_params, m_inputs, m_expected;
    std::set<std::string> m_seen;
    std::string m_failure;
    std::string m_skip;
};

/// Values of a JSON number, bool, list or {"shape", "data"}; nested lists are flattened; null is NaN.
std::vector<double> flatten(const Json& json);

/// A kind of case: how to tell it by its parameters and fields, and how to run it.
struct Kind {
    std::string name;
    std::function<bool(const Case&)> matches;
    std::function<void(Case&)> run;
};

std::vector<Kind> aciqKinds();
std::vector<Kind> learnedKinds();
std::vector<Kind> minMaxKinds();
std::vector<Kind> pactKinds();
std::vector<Kind> placementKinds();
std::vector<Kind> powerOfTwoKinds();
std::vector<Kind> searchKinds();

}  // namespace bitlathe::conform
