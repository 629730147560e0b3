// bitlathe-conform FILE...: runs files of reference cases through the shipped library. Cases are told by
// their parameters and fields, not by their names. Prints each failed and each skipped case with its reason;
// closes with "N passed, N failed, N skipped". Exit code 0: nothing failed; 1: something failed; 2: bad usage
// or a file that cannot be read.

#include "tests/conform/case.h"

#include <cstdio>
#include <exception>
#include <fstream>

using namespace bitlathe::conform;

namespace {

std::vector<Kind> allKinds() {
    std::vector<Kind> kinds;
    for (const auto& list : {aciqKinds(), learnedKinds(), minMaxKinds(), pactKinds(), placementKinds(),
                             powerOfTwoKinds(), searchKinds()}) {
        kinds.insert(kinds.end(), list.begin(), list.end());
    }
    return kinds;
}

Outcome run(const std::vector<Kind>& kinds, Case& item) {
    try {
        for (const Kind& kind : kinds) {
            if (kind.matches(item)) {
                kind.run(item);
                return item.outcome();
            }
        }
    } catch (const std::exception& error) {
        return {Verdict::Failed, error.what()};
    }
    return {Verdict::Skipped, "not supported yet: no kind of case fits its parameters"};
}

struct Totals {
    int passed = 0;
    int failed = 0;
    int skipped = 0;
};

/// False when the file cannot be read.
bool runFile(const std::vector<Kind>& kinds, const char* path, bool isVerbose, Totals& totals) {
    std::ifstream file(path);
    if (!file) {
        std::fprintf(stderr, "%s: cannot be opened\n", path);
        return false;
    }
    Json document;
    try {
        document = Json::parse(file);
    } catch (const Json::exception& error) {
        std::fprintf(stderr, "%s: is no JSON: %s\n", path, error.what());
        return false;
    }
    if (!document.contains("cases") || !document["cases"].is_array()) {
        std::fprintf(stderr, "%s: has no list \"cases\"\n", path);
        return false;
    }
    Totals own;
    for (const Json& json : document["cases"]) {
        Case item(json);
        const Outcome outcome = run(kinds, item);
        switch (outcome.verdict) {
        case Verdict::Passed:
            ++own.passed;
            if (isVerbose) {
                std::printf("pass %s\n", item.name().c_str());
            }
            break;
        case Verdict::Failed:
            ++own.failed;
            std::printf("FAIL %s: %s\n", item.name().c_str(), outcome.reason.c_str());
            break;
        case Verdict::Skipped:
            ++own.skipped;
            std::printf("skip %s: %s\n", item.name().c_str(), outcome.reason.c_str());
            break;
        }
    }
    std::printf("%s: %d passed, %d failed, %d skipped\n", path, own.passed, own.failed, own.skipped);
    totals.passed += own.passed;
    totals.failed += own.failed;
    totals.skipped += own.skipped;
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    bool isVerbose = false;
    std::vector<const char*> files;
    for (int i = 1; i < argc; ++i) {
        if (std::string(argv[i]) == "--verbose") {
            isVerbose = true;
        } else {
            files.push_back(argv[i]);
        }
    }
    if (files.empty()) {
        std::fprintf(stderr, "usage: bitlathe-conform [--verbose] FILE...\n");
        return 2;
    }
    const std::vector<Kind> kinds = allKinds();
    Totals totals;
    bool isReadable = true;
    for (const char* file : files) {
        isReadable = runFile(kinds, file, isVerbose, totals) && isReadable;
    }
    std::printf("%d passed, %d failed, %d skipped\n", totals.passed, totals.failed, totals.skipped);
    return !isReadable ? 2 : (totals.failed > 0 ? 1 : 0);
}
