#pragma once

#include "tests/bench/peer_process.h"
#include "tests/bench/stopwatch.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace bitlathe::bench {

/// One peer and its conversation in JSON.
class Peer {
public:
    Peer(std::string name, const std::vector<std::string>& command, const nlohmann::json& setup)
        : m_name(std::move(name)), m_process(command) {
        m_version = ask(setup);
    }

    bool isThere() const { return m_version.is_object() && !m_version.contains("error"); }
    const std::string& name() const { return m_name; }
    std::string version() const { return isThere() ? m_version.begin()->get<std::string>() : "none"; }

    /// The peer's answer; {"error": TEXT} when it has ended.
    nlohmann::json ask(const nlohmann::json& request) {
        const std::string answer = m_process.ask(request.dump());
        return answer.empty() ? nlohmann::json{{"error", m_name + " does not answer"}}
                              : nlohmann::json::parse(answer);
    }

    /// Time of one call; empty, with the peer's words on stderr, when it cannot.
    std::optional<Timing> time(const nlohmann::json& request) {
        const nlohmann::json answer = ask(request);
        if (answer.contains("error")) {
            std::fprintf(stderr, "%s: %s\n", m_name.c_str(), answer["error"].get<std::string>().c_str());
            return std::nullopt;
        }
        return Timing{answer["ms"].get<double>(), answer["cpu_ms"].get<double>()};
    }

private:
    std::string m_name;
    PeerProcess m_process;
    nlohmann::json m_version;
};

}  // namespace bitlathe::bench
