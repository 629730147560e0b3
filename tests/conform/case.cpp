#include "tests/conform/case.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

namespace bitlathe::conform {

namespace {

Json part(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_object() ? json[key] : Json::object();
}

std::int64_t countOf(const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        count *= std::max<std::int64_t>(size, 0);
    }
    return count;
}

std::string numberText(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

}  // namespace

std::vector<double> flatten(const Json& json) {
    if (json.is_object() && json.contains("data")) {
        return flatten(json["data"]);
    }
    if (json.is_array()) {
        std::vector<double> result;
        for (const Json& item : json) {
            const std::vector<double> inner = flatten(item);
            result.insert(result.end(), inner.begin(), inner.end());
        }
        return result;
    }
    if (json.is_boolean()) {
        return {json.get<bool>() ? 1.0 : 0.0};
    }
    if (json.is_number()) {
        return {json.get<double>()};
    }
    return {std::numeric_limits<double>::quiet_NaN()};
}

void requireSize(const Tensor& tensor, const std::string& what) {
    const std::int64_t count = countOf(tensor.shape);
    if (tensor.values.empty() || count != static_cast<std::int64_t>(tensor.values.size())) {
        throw std::runtime_error(what + " has " + std::to_string(tensor.values.size()) +
                                 " values where its shape has " + std::to_string(count));
    }
}

std::vector<Slice> slices(const std::vector<std::int64_t>& shape, std::optional<int> axis,
                          std::int64_t perSlice) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) {
        count *= static_cast<std::size_t>(size);
    }
    if (!axis) {
        Slice all(count);
        for (std::size_t i = 0; i < count; ++i) {
            all[i] = i;
        }
        return {all};
    }
    std::size_t inner = 1;
    for (std::size_t d = static_cast<std::size_t>(*axis) + 1; d < shape.size(); ++d) {
        inner *= static_cast<std::size_t>(shape[d]);
    }
    const auto channels = static_cast<std::size_t>(shape.at(static_cast<std::size_t>(*axis)));
    if (perSlice < 1 || count == 0) {
        throw std::runtime_error("a tensor without values or without room for a slice");
    }
    std::vector<Slice> result(channels / static_cast<std::size_t>(perSlice));
    for (std::size_t i = 0; i < count; ++i) {
        result[i / inner % channels / static_cast<std::size_t>(perSlice)].push_back(i);
    }
    return result;
}

std::vector<float> gather(const std::vector<float>& values, const Slice& slice) {
    std::vector<float> result;
    result.reserve(slice.size());
    for (const std::size_t i : slice) {
        result.push_back(values.at(i));
    }
    return result;
}

void scatter(std::vector<float>& values, const Slice& slice, const std::vector<float>& piece) {
    for (std::size_t i = 0; i < slice.size(); ++i) {
        values.at(slice[i]) = piece.at(i);
    }
}

Case::Case(const Json& json)
    : m_json(json), m_params(part(json, "params")), m_inputs(part(json, "inputs")),
      m_expected(part(json, "expected")) {}

std::string Case::name() const {
    return m_json.value("name", "(unnamed)");
}

double Case::number(const std::string& key) const {
    if (!hasParam(key) || !m_params[key].is_number()) {
        throw std::runtime_error("parameter '" + key + "' is missing or no number");
    }
    return m_params[key].get<double>();
}

double Case::number(const std::string& key, double otherwise) const {
    return hasParam(key) && m_params[key].is_number() ? m_params[key].get<double>() : otherwise;
}

bool Case::flag(const std::string& key, bool otherwise) const {
    return hasParam(key) && m_params[key].is_boolean() ? m_params[key].get<bool>() : otherwise;
}

std::string Case::text(const std::string& key, const std::string& otherwise) const {
    return hasParam(key) && m_params[key].is_string() ? m_params[key].get<std::string>() : otherwise;
}

Tensor Case::input(const std::string& key) const {
    if (!hasInput(key)) {
        throw std::runtime_error("input '" + key + "' is missing");
    }
    const Json& json = m_inputs[key];
    Tensor result;
    result.values = flatten(json);
    if (json.is_object() && json.contains("shape")) {
        result.shape = json["shape"].get<std::vector<std::int64_t>>();
    } else if (m_inputs.contains(key + "_shape")) {
        result.shape = m_inputs[key + "_shape"].get<std::vector<std::int64_t>>();
    } else if (m_inputs.contains("shape")) {
        result.shape = m_inputs["shape"].get<std::vector<std::int64_t>>();
        if (countOf(result.shape) != static_cast<std::int64_t>(result.values.size())) {
            result.shape = {static_cast<std::int64_t>(result.values.size())};  // the shape of another input
        }
    } else {
        result.shape = {static_cast<std::int64_t>(result.values.size())};
    }
    requireSize(result, "input '" + key + "'");
    return result;
}

void Case::compare(const std::string& what, const Json& expected, const std::vector<double>& got,
                   const Tolerance& tolerance) {
    const std::vector<double> wanted = flatten(expected);
    if (wanted.size() != got.size()) {
        require(false, what + ": " + std::to_string(got.size()) + " values, expected " +
                           std::to_string(wanted.size()));
        return;
    }
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(wanted[i])) {
            continue;
        }
        if (!(std::fabs(got[i] - wanted[i]) <=
              tolerance.absolute + tolerance.relative * std::fabs(wanted[i]))) {
            require(false, what + "[" + std::to_string(i) + "] = " + numberText(got[i]) + ", expected " +
                               numberText(wanted[i]));
            return;
        }
    }
}

void Case::check(const std::string& key, const std::vector<double>& got, const Tolerance& tolerance) {
    m_seen.insert(key);
    m_seen.insert(key + "_shape");
    if (expects(key)) {
        compare(key, m_expected[key], got, tolerance);
    }
}

void Case::check(const std::string& key, const std::vector<float>& got, const Tolerance& tolerance) {
    check(key, std::vector<double>(got.begin(), got.end()), tolerance);
}

void Case::check(const std::string& key, double got, const Tolerance& tolerance) {
    check(key, std::vector<double>{got}, tolerance);
}

void Case::checkExact(const std::string& key, const std::vector<std::int64_t>& got) {
    check(key, std::vector<double>(got.begin(), got.end()), Tolerance{});
}

void Case::checkText(const std::string& key, const std::string& got) {
    m_seen.insert(key);
    if (expects(key)) {
        require(m_expected[key].get<std::string>() == got, key + " is \"" + got + "\"");
    }
}

void Case::setAside(const std::string& key, const std::string&) {
    m_seen.insert(key);
    m_seen.insert(key + "_shape");
}

void Case::require(bool isTrue, const std::string& what) {
    if (!isTrue && m_failure.empty()) {
        m_failure = what;
    }
}

void Case::skip(const std::string& reason) {
    m_skip = reason;
}

Outcome Case::outcome() const {
    if (!m_skip.empty()) {
        return {Verdict::Skipped, m_skip};
    }
    if (!m_failure.empty()) {
        return {Verdict::Failed, m_failure};
    }
    for (const auto& [key, value] : m_expected.items()) {
        if (!m_seen.contains(key)) {
            return {Verdict::Failed, "expected field '" + key + "' was not compared"};
        }
    }
    return {Verdict::Passed, ""};
}

}  // namespace bitlathe::conform
