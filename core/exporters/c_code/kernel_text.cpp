#include "core/exporters/c_code/kernel_text.h"

#include "core/types/error.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace bitlathe::core {

namespace {

constexpr std::string_view kPrefix = "BL_HAS_";

/// An `#if` on the way down. Undecided ones stay in the text.
struct Branch {
    std::optional<bool> condition;
    bool isKept = true;  ///< lines of the current half, given the outer branches
    bool isOuterKept = true;
};

std::string trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
        text.remove_prefix(1);
    }
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.remove_suffix(1);
    }
    return std::string(text);
}

std::vector<std::string> split(const std::string& text, const std::string& by) {
    std::vector<std::string> parts;
    std::size_t start = 0;
    for (std::size_t at = text.find(by); at != std::string::npos; at = text.find(by, start)) {
        parts.push_back(trimmed(text.substr(start, at - start)));
        start = at + by.size();
    }
    parts.push_back(trimmed(text.substr(start)));
    return parts;
}

/// True, false, or what is left to decide.
struct Decision {
    std::optional<bool> value;
    std::string rest;
};

/// Joins the parts of a chain of one operator; `absorbing` is the value that decides the whole (true for ||).
template <typename Decide>
Decision decideChain(const std::vector<std::string>& parts, bool absorbing, Decide decide) {
    std::string rest;
    for (const std::string& part : parts) {
        const Decision decision = decide(part);
        if (decision.value && *decision.value == absorbing) {
            return {absorbing, {}};
        }
        if (!decision.value) {
            rest += (rest.empty() ? "" : absorbing ? " || " : " && ") + decision.rest;
        }
    }
    return rest.empty() ? Decision{!absorbing, {}} : Decision{std::nullopt, rest};
}

Decision decide(const std::string& expression, const std::set<std::string>& features) {
    return decideChain(split(expression, "||"), true, [&](const std::string& alternative) {
        return decideChain(split(alternative, "&&"), false, [&](const std::string& term) {
            return term.starts_with(kPrefix) ? Decision{features.contains(term), {}}
                                             : Decision{std::nullopt, term};
        });
    });
}

class Filter {
public:
    explicit Filter(const std::set<std::string>& features) : m_features(features) {}

    void line(const std::string& text) {
        const std::string plain = trimmed(text);
        if (plain.starts_with("#if")) {
            return open(text, plain);
        }
        if (plain == "#else" || plain.starts_with("#else ")) {
            return turn(text);
        }
        if (plain.starts_with("#endif")) {
            return close(text);
        }
        if (isKept() && plain != "#include \"bl_config.h\"") {
            m_text += text + "\n";
        }
    }
    std::string text() const {
        if (!m_branches.empty()) {
            throw Error(ErrorCode::InvalidConfig, "kernel text: an #if is never closed");
        }
        return m_text;
    }

private:
    bool isKept() const { return m_branches.empty() || m_branches.back().isKept; }

    void open(const std::string& text, const std::string& plain) {
        Decision decision;
        decision.rest = plain;
        if (plain.starts_with("#if ")) {
            decision = decide(plain.substr(4), m_features);
        }
        const bool outer = isKept();
        if (outer && !decision.value) {
            m_text += (plain.starts_with("#if ") ? "#if " + decision.rest : text) + "\n";
        }
        m_branches.push_back({decision.value, outer && decision.value.value_or(true), outer});
    }
    void turn(const std::string& text) {
        Branch& branch = current();
        if (branch.condition) {
            branch.isKept = branch.isOuterKept && !*branch.condition;
        } else if (branch.isOuterKept) {
            m_text += text + "\n";
        }
    }
    void close(const std::string& text) {
        const Branch branch = current();
        m_branches.pop_back();
        if (branch.isOuterKept && !branch.condition) {
            m_text += text + "\n";
        }
    }
    Branch& current() {
        if (m_branches.empty()) {
            throw Error(ErrorCode::InvalidConfig, "kernel text: #else or #endif without #if");
        }
        return m_branches.back();
    }

    const std::set<std::string>& m_features;
    std::vector<Branch> m_branches;
    std::string m_text;
};

/// Left-out parts leave runs of empty lines: one is enough.
std::string withoutEmptyRuns(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c != '\n' || !result.ends_with("\n\n")) {
            result += c;
        }
    }
    return result;
}

}  // namespace

std::string kernelTextFor(std::string_view text, const std::set<std::string>& features) {
    Filter filter(features);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        filter.line(std::string(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return withoutEmptyRuns(filter.text());
}

}  // namespace bitlathe::core
