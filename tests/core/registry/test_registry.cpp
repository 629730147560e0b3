#include "core/observers/observer.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/param_specs.h"
#include "core/registry/registry.h"

#include <QtTest>

#include <cmath>

using namespace bitlathe::core;

namespace {

struct Thing {
    virtual ~Thing() = default;
    double x = 0;
};

Registry<Thing> things() {
    Registry<Thing> registry("thing");
    registry.add(
        {"one", "One", {realParam("x", 0.5, 0, 1, "share"), integerParam("n", 2, 1, 9, "count")}, "here"},
        [](const ParamValues& p) {
            auto thing = std::make_unique<Thing>();
            thing->x = p.at("x") + p.at("n");
            return thing;
        });
    registry.add({"two", "Two", {}, "there"}, [](const ParamValues&) { return std::make_unique<Thing>(); });
    return registry;
}

QString failure(const Registry<Thing>& registry, const MethodSpec& spec) {
    try {
        registry.create(spec);
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

}  // namespace

class TestRegistry : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void defaultsFillWhatIsMissing() {
        QCOMPARE(things().create({"one", {}})->x, 2.5);
        QCOMPARE(things().create({"one", {{"x", 1}, {"n", 9}}})->x, 10.0);
    }

    void mistakesAreExplained() {
        const Registry<Thing> registry = things();
        QCOMPARE(failure(registry, {"three", {}}), QString("unknown thing 'three'; known: one, two"));
        QCOMPARE(failure(registry, {"one", {{"y", 1}}}),
                 QString("thing 'one' has no parameter 'y'; it takes: x, n"));
        QCOMPARE(failure(registry, {"two", {{"y", 1}}}),
                 QString("thing 'two' has no parameter 'y'; it takes none"));
        QVERIFY(failure(registry, {"one", {{"x", 1.5}}}).contains("x = 1.5 is not within 0 to 1"));
        QVERIFY(failure(registry, {"one", {{"n", 2.5}}}).contains("n = 2.5 is not a whole number"));
        QVERIFY(failure(registry, {"one", {{"x", std::nan("")}}}).contains("is not within"));
    }

    void aNameIsTakenOnce() {
        Registry<Thing> registry = things();
        QVERIFY_EXCEPTION_THROWN(registry.add({"one", "", {}, ""}, {}), Error);
        QCOMPARE(registry.list().size(), std::size_t{2});
        QVERIFY(registry.contains("two"));
        QCOMPARE(registry.info("one").title, std::string("One"));
    }

    void everyBuiltinIsDescribed() {
        const auto check = [](const std::vector<MethodInfo>& infos) {
            QVERIFY(!infos.empty());
            for (const MethodInfo& info : infos) {
                QVERIFY2(!info.title.empty() && !info.source.empty(), info.name.c_str());
                QVERIFY(QRegularExpression("^[a-z][a-z0-9_]*$")
                            .match(QString::fromStdString(info.name))
                            .hasMatch());
                for (const ParamSpec& spec : info.params) {
                    QVERIFY2(!spec.description.empty(), spec.name.c_str());
                    QVERIFY(spec.minimum <= spec.defaultValue && spec.defaultValue <= spec.maximum);
                    if (spec.kind == ParamSpec::Kind::Choice) {
                        QCOMPARE(spec.maximum, static_cast<double>(spec.choices.size() - 1));
                    }
                }
            }
        };
        check(observerRegistry().list());
        check(quantizerRegistry().list());
    }
};

QTEST_APPLESS_MAIN(TestRegistry)
#include "test_registry.moc"
