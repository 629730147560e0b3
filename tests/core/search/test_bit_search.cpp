#include "core/search/bit_search.h"

#include "core/device/budget.h"
#include "core/graph/prepare.h"
#include "core/search/pareto_front.h"
#include "core/search/search_verdict.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"

#include <QtTest>

#include <QElapsedTimer>
#include <QRandomGenerator>

#include <limits>

using namespace bitlathe::core;

namespace {

constexpr std::int64_t kPlenty = 1'000'000'000;

quint32 testSeed() {
    const int given = qEnvironmentVariableIntValue("BITLATHE_TEST_SEED");
    return given != 0 ? quint32(given) : 20261121U;
}

/// A made-up chain: weights of their own sizes, tensors between them, costs that fall with the bits.
SearchSpace randomSpace(QRandomGenerator& random, int layers) {
    SearchSpace space;
    const auto site = [&](const std::string& name, SiteKind kind, std::int64_t elements, bool hasRom) {
        SearchSite made{{LayerId(name), kind}, {}};
        double cost = random.bounded(0.01);
        for (const int bits : {8, 4, 2}) {
            made.choices.push_back({bits, hasRom ? elements * (bits - 8) / 8 : 0, cost});
            cost += random.bounded(0.5);
        }
        space.sites.push_back(std::move(made));
        space.fixedRomBytes += hasRom ? elements : 0;
        return int(space.sites.size()) - 1;
    };
    for (int i = 0; i < layers; ++i) {
        const std::string name = std::to_string(i);
        space.layers.emplace_back(name);
        site(name, SiteKind::Weight, 10 + random.bounded(1000), true);
    }
    int before = -1;
    std::int64_t elementsBefore = 0;
    for (int i = 0; i < layers; ++i) {
        const std::int64_t elements = 10 + random.bounded(1000);
        const int output = site(std::to_string(i), SiteKind::Output, elements, false);
        SearchStep step{i, output, 0, {{output, elements}}};
        if (before >= 0) {
            step.terms.push_back({before, elementsBefore});
            space.products.push_back({i, before, 100 + random.bounded(1000)});
        }
        space.steps.push_back(step);
        before = output;
        elementsBefore = elements;
    }
    return space;
}

/// The least cost of all choices within the limits; infinity when there is none.
double bruteForce(const SearchSpace& space, const SearchLimits& limits) {
    std::vector<int> choice(space.sites.size(), 0);
    double best = std::numeric_limits<double>::infinity();
    while (true) {
        if (keeps(space, limits, choice)) {
            best = std::min(best, space.cost(choice));
        }
        std::size_t i = 0;
        while (i < choice.size() && ++choice[i] == int(space.sites[i].choices.size())) {
            choice[i++] = 0;
        }
        if (i == choice.size()) {
            return best;
        }
    }
}

/// Limits somewhere between the least and the most a space needs, sometimes below.
SearchLimits randomLimits(QRandomGenerator& random, const SearchSpace& space, bool withProducts) {
    const auto between = [&](std::int64_t least, std::int64_t most) {
        const double at = random.bounded(1.2) - 0.1;
        return std::max<std::int64_t>(0, least + std::int64_t(double(most - least) * at));
    };
    const std::vector<int> least = narrowest(space);
    const std::vector<int> most = widest(space);
    SearchLimits limits{between(space.romBytes(least), space.romBytes(most)),
                        between(space.peakRamBytes(least), space.peakRamBytes(most)), std::nullopt};
    if (withProducts) {
        limits.bitOperations = between(space.bitOperations(least), space.bitOperations(most));
    }
    return limits;
}

/// 8 bits everywhere, per channel: something for the searches to start from.
QuantConfig eightBits(const PreparedModel& model) {
    QuantConfig config;
    config.input.bits = BitWidth(8);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = quant.output.bits = BitWidth(8);
        quant.weight.granularity.kind = Granularity::Kind::Channel;
    }
    return config;
}

/// Costs for every site and width of a configuration, falling with the bits, from the seed alone.
SensitivityTable madeUpTable(const SearchSpace& space, QRandomGenerator& random) {
    SensitivityTable table;
    for (const SearchSite& site : space.sites) {
        const double scale = random.bounded(1.0);
        for (int bits = 2; bits <= 8; ++bits) {
            table.add({site.site, bits, 0, scale * std::pow(4.0, -bits) * (0.5 + random.bounded(1.0)), 0, 0});
        }
    }
    return table;
}

}  // namespace

class TestBitSearch : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { qInfo("solver: %s", std::string(ilpSolverName()).c_str()); }

    void ilpEqualsBruteForce_data() {
        QTest::addColumn<bool>("withProducts");
        QTest::newRow("ROM and RAM") << false;
        QTest::newRow("and bit operations") << true;
    }
    void ilpEqualsBruteForce() {
        QFETCH(bool, withProducts);
        if (ilpSolverName().empty()) {
            QSKIP("built without an integer programming solver; install libglpk-dev");
        }
        qInfo("seed %u (set BITLATHE_TEST_SEED for another)", testSeed());
        QRandomGenerator random(testSeed());
        int feasible = 0;
        for (int round = 0; round < 40; ++round) {
            const SearchSpace space = randomSpace(random, 2 + random.bounded(3));
            const SearchLimits limits = randomLimits(random, space, withProducts);
            const double best = bruteForce(space, limits);
            const SearchResult result = searchIlp(space, limits);
            const SearchResult greedy = searchGreedy(space, limits);
            QCOMPARE(result.isFeasible, best < std::numeric_limits<double>::infinity());
            QCOMPARE(greedy.isFeasible, result.isFeasible);
            QVERIFY(!result.verdict.empty());
            if (!result.isFeasible) {
                QVERIFY(result.brokenLimit.has_value());
                QVERIFY(result.bindingLayer >= 0);
                continue;
            }
            ++feasible;
            QCOMPARE(result.method, std::string("ilp"));
            QVERIFY(result.isOptimal);
            QVERIFY(keeps(space, limits, result.choice));
            QVERIFY(keeps(space, limits, greedy.choice));
            // Sums of the same doubles in another order.
            QVERIFY2(std::abs(result.cost - best) < 1e-9,
                     qPrintable(QString("round %1: %2, best %3").arg(round).arg(result.cost).arg(best)));
            QVERIFY(greedy.cost >= best - 1e-9);
        }
        QVERIFY(feasible > 10);
    }

    // More room never costs more; the same question twice gets the same answer.
    void monotone() {
        QRandomGenerator random(testSeed());
        const SearchSpace space = randomSpace(random, 10);
        const std::int64_t least = space.romBytes(narrowest(space));
        const std::int64_t most = space.romBytes(widest(space));
        double before = std::numeric_limits<double>::infinity();
        for (int i = 0; i <= 10; ++i) {
            const SearchLimits limits{least + (most - least) * i / 10, kPlenty, std::nullopt};
            const SearchResult result = searchIlp(space, limits);
            QVERIFY(result.isFeasible);
            QVERIFY(result.cost <= before + 1e-9);
            QCOMPARE(searchIlp(space, limits).choice, result.choice);
            before = result.cost;
        }
    }

    void verdictNamesWhatBinds() {
        SearchSpace space;
        space.layers = {LayerId("a"), LayerId("b")};
        space.sites.resize(2);
        space.sites[0].site = {space.layers[0], SiteKind::Weight};
        space.sites[0].choices = {{8, 0, 0}, {2, -600, 1}};
        space.sites[1].site = {space.layers[1], SiteKind::Output};
        space.sites[1].choices = {{8, 0, 0}, {2, 0, 1}};
        space.steps = {{1, 1, 40, {{1, 100}}}};
        space.products = {{0, 1, 10}};
        space.fixedRomBytes = 1000;
        const SearchResult rom = searchIlp(space, {399, kPlenty, std::nullopt});
        QVERIFY(!rom.isFeasible);
        QCOMPARE(rom.brokenLimit, std::optional(SearchResult::Limit::Rom));
        QCOMPARE(rom.bindingLayer, 0);
        QVERIFY2(rom.verdict.find("400 B of ROM, 1 B over the limit of 399 B; most of it in layer a") !=
                     std::string::npos,
                 rom.verdict.c_str());
        QVERIFY(searchIlp(space, {400, kPlenty, std::nullopt}).isFeasible);
        const SearchResult ram = searchIlp(space, {kPlenty, 64, std::nullopt});
        QCOMPARE(ram.brokenLimit, std::optional(SearchResult::Limit::Ram));
        QCOMPARE(ram.bindingLayer, 1);
        QVERIFY2(ram.verdict.find("layer b still needs 65 B of RAM (100 values of b at 2 bits + 40 B in "
                                  "float), 1 B over the limit of 64 B") != std::string::npos,
                 ram.verdict.c_str());
        const SearchResult operations = searchIlp(space, {kPlenty, kPlenty, 39});
        QCOMPARE(operations.brokenLimit, std::optional(SearchResult::Limit::BitOperations));
        QVERIFY(searchIlp(space, {kPlenty, kPlenty, 40}).isFeasible);
        QVERIFY_EXCEPTION_THROWN(searchIlp(space, {-1, 0, std::nullopt}), Error);
        QVERIFY_EXCEPTION_THROWN(searchGreedy(space, {0, -1, std::nullopt}), Error);
    }

    // A model's space says what its budget says, and a result put into a configuration keeps its word.
    void spaceEqualsBudget_data() {
        QTest::addColumn<QString>("network");
        QTest::newRow("chain") << "mobilenet_v1";
        QTest::newRow("residual") << "resnet8";
        QTest::newRow("inverted residual") << "mobilenet_v2";
    }
    void spaceEqualsBudget() {
        QFETCH(QString, network);
        ParamValues params;
        if (network != "resnet8") {
            params = {{"width", 0.25}};
        }
        const PreparedModel model = prepare(buildZooModel(network.toStdString(), params, Seed{1}));
        QuantConfig config = eightBits(model);
        BitChoices bits;
        bits.weights = bits.activations = {2, 3, 5, 8};
        const SearchSpace space =
            searchSpace(model, config, bits, RamModel::Lifetimes, nullptr, SensitivityMeasure::KlDivergence);
        QRandomGenerator random(testSeed());
        for (int round = 0; round < 20; ++round) {
            SearchResult result;
            for (const SearchSite& site : space.sites) {
                result.choice.push_back(random.bounded(int(site.choices.size())));
            }
            applyBits(space, result, config);
            const Budget budget = computeBudget(model, config);
            QCOMPARE(space.romBytes(result.choice), budget.romBytes);
            QCOMPARE(space.peakRamBytes(result.choice), budget.peakRamBytes);
        }
        const Budget widestBudget = computeBudget(model, eightBits(model));
        const SearchLimits limits{widestBudget.romBytes * 6 / 10, widestBudget.peakRamBytes * 6 / 10,
                                  std::nullopt};
        const SearchResult result = searchIlp(space, limits);
        QVERIFY2(result.isFeasible, result.verdict.c_str());
        applyBits(space, result, config);
        const Budget budget = computeBudget(model, config);
        QVERIFY(budget.romBytes <= limits.romBytes);
        QVERIFY(budget.peakRamBytes <= limits.ramBytes);
        QCOMPARE(config.input.bits, std::optional(BitWidth(8)));
        const SiteId logits{model.layers.back().id, SiteKind::Output};
        QCOMPARE(config.site(logits).bits, std::optional(BitWidth(8)));
    }

    void bitsThatCannotBe_data() {
        QTest::addColumn<std::vector<int>>("widths");
        QTest::newRow("none") << std::vector<int>{};
        QTest::newRow("one bit") << std::vector<int>{8, 1};
        QTest::newRow("nine bits") << std::vector<int>{9, 4};
        QTest::newRow("twice") << std::vector<int>{4, 4};
    }
    void bitsThatCannotBe() {
        QFETCH(std::vector<int>, widths);
        BitChoices bits;
        bits.weights = widths;
        QVERIFY_EXCEPTION_THROWN(bits.validate(), Error);
    }

    void mobileNetInTime() {
        const PreparedModel model =
            prepare(buildZooModel("mobilenet_v1", {{"width", 1}, {"size", 224}}, Seed{1}));
        QRandomGenerator random(testSeed());
        const QuantConfig config = eightBits(model);
        const SearchSpace bare =
            searchSpace(model, config, {}, RamModel::Lifetimes, nullptr, SensitivityMeasure::KlDivergence);
        const SensitivityTable table = madeUpTable(bare, random);
        for (const RamModel ramModel : {RamModel::Lifetimes, RamModel::Arena}) {
            const SearchSpace space =
                searchSpace(model, config, {}, ramModel, &table, SensitivityMeasure::KlDivergence);
            for (const std::int64_t rom : {4'000'000, 2'048'000, 1'300'000}) {
                QElapsedTimer timer;
                timer.start();
                const SearchResult result = searchIlp(space, {rom, 512'000, std::nullopt});
                qInfo("ROM %lld, %s: %.2f ms, %s", static_cast<long long>(rom),
                      std::string(ramModelName(ramModel)).c_str(), double(timer.nsecsElapsed()) / 1e6,
                      result.verdict.c_str());
                QVERIFY2(result.isFeasible, result.verdict.c_str());
            }
        }
    }

    void paretoPointsDominateNobody() {
        QRandomGenerator random(testSeed());
        const SearchSpace space = randomSpace(random, 8);
        const auto front = paretoFront(space);
        QVERIFY(front.size() > 5);
        for (std::size_t a = 0; a < front.size(); ++a) {
            QVERIFY(front[a].isFeasible);
            for (std::size_t b = 0; b < front.size(); ++b) {
                QVERIFY(!dominates(front[a], front[b]));
            }
            if (a > 0) {
                QVERIFY(front[a].romBytes >= front[a - 1].romBytes);
            }
        }
        // The sweep's best is the best there is.
        double best = std::numeric_limits<double>::infinity();
        for (const SearchResult& point : front) {
            best = std::min(best, point.cost);
        }
        QVERIFY(std::abs(best - searchIlp(space, {kPlenty, kPlenty, std::nullopt}).cost) < 1e-9);
        ParetoOptions tight;
        tight.romLimitBytes = space.romBytes(narrowest(space));
        for (const SearchResult& point : paretoFront(space, tight)) {
            QVERIFY(point.romBytes <= *tight.romLimitBytes);
        }
        tight.romLimitBytes = space.romBytes(narrowest(space)) - 1;
        QVERIFY(paretoFront(space, tight).empty());
        tight.romSteps = 0;
        QVERIFY_EXCEPTION_THROWN(paretoFront(space, tight), Error);
    }

    void paretoStopsWhenAsked() {
        QRandomGenerator random(testSeed());
        const SearchSpace space = randomSpace(random, 8);
        RunContext context;
        context.requestCancel();
        QVERIFY_EXCEPTION_THROWN(paretoFront(space, {}, context), Cancelled);
    }
};

QTEST_GUILESS_MAIN(TestBitSearch)
#include "test_bit_search.moc"
