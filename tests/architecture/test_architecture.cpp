#include <QtTest>

#include <QDirIterator>
#include <QRegularExpression>

#include <algorithm>
#include <functional>

namespace {

/// One `#include` of a source file, as written between its quotes or angle brackets.
struct Include {
    QString file;  ///< relative to the source tree
    QString target;
};

QDir sourceTree() {
    return QDir(QStringLiteral(BITLATHE_SOURCE_DIR));
}

QList<Include> includesUnder(const QString& folder) {
    static const QRegularExpression pattern(QStringLiteral("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]"),
                                            QRegularExpression::MultilineOption);
    QList<Include> includes;
    QDirIterator files(sourceTree().filePath(folder), {"*.h", "*.cpp", "*.hpp", "*.in"}, QDir::Files,
                       QDirIterator::Subdirectories);
    while (files.hasNext()) {
        QFile file(files.next());
        if (!file.open(QIODevice::ReadOnly)) {
            qFatal("cannot read %s", qPrintable(file.fileName()));
        }
        auto matches = pattern.globalMatch(QString::fromUtf8(file.readAll()));
        while (matches.hasNext()) {
            includes.append({sourceTree().relativeFilePath(file.fileName()), matches.next().captured(1)});
        }
    }
    return includes;
}

bool isQt(const QString& target) {
    static const QRegularExpression pattern(QStringLiteral("^(Q[A-Z]\\w*|Qt\\w*(/.*)?|Q[A-Z]\\w*/.*)$"));
    return pattern.match(target).hasMatch();
}

bool isTorch(const QString& target) {
    return target.startsWith("torch/") || target.startsWith("ATen/") || target.startsWith("c10/") ||
           target.startsWith("caffe2/");
}

bool isPlotting(const QString& target) {
    return target.contains("qcustomplot");
}

/// Rooms of the house: what each may include of the others.
const QMap<QString, QStringList>& rooms() {
    static const QMap<QString, QStringList> all{
        {"core", {"core"}},
        {"engine", {"engine", "core"}},
        {"experiments", {"experiments", "core"}},
        {"plots", {"plots", "core/types"}},
        {"ui", {"ui", "plots", "experiments", "core"}},
        {"app", {"app", "ui", "plots", "experiments", "core"}},
    };
    return all;
}

bool beginsWithRoom(const QString& target) {
    const auto names = rooms().keys();
    return std::any_of(names.begin(), names.end(),
                       [&](const QString& room) { return target.startsWith(room + "/"); });
}

QString folderOf(const QString& file) {
    return file.left(file.lastIndexOf('/'));
}

QStringList violations(const QString& folder, const std::function<bool(const Include&)>& isWrong) {
    QStringList found;
    for (const Include& include : includesUnder(folder)) {
        if (isWrong(include)) {
            found.append(include.file + " includes " + include.target);
        }
    }
    return found;
}

}  // namespace

/// Keeps the arrows of the house pointing one way: core <- engine; core <- experiments <- ui <- app;
/// core/types <- plots <- ui.
class TestArchitecture : public QObject {
    Q_OBJECT

private:
    static void expectNone(const QStringList& found) {
        QVERIFY2(found.isEmpty(), qPrintable(found.join("\n")));
    }

private Q_SLOTS:
    void theScannerSeesIncludes() {
        const auto includes = includesUnder("core");
        QVERIFY(includes.size() > 50);
        QVERIFY(std::any_of(includes.begin(), includes.end(),
                            [](const Include& include) { return include.target == "core/types/shape.h"; }));
        QVERIFY(isQt("QString") && isQt("QtTest") && isQt("QtCore/QObject") && !isQt("Quark/x.h") &&
                !isQt("core/q.h"));
    }

    void roomsKnowOnlyTheRoomsBelow_data() {
        QTest::addColumn<QString>("room");
        for (const QString& room : rooms().keys()) {
            QTest::newRow(qPrintable(room)) << room;
        }
    }
    void roomsKnowOnlyTheRoomsBelow() {
        QFETCH(QString, room);
        const QStringList allowed = rooms().value(room);
        expectNone(violations(room, [&](const Include& include) {
            return beginsWithRoom(include.target) &&
                   std::none_of(allowed.begin(), allowed.end(),
                                [&](const QString& below) { return include.target.startsWith(below + "/"); });
        }));
    }

    void onlyTheEngineKnowsLibTorch() {
        for (const QString& room : rooms().keys()) {
            if (room != "engine") {
                expectNone(violations(room, [](const Include& include) { return isTorch(include.target); }));
            }
        }
    }

    void coreEngineLogAndRecipesKnowNoQt() {
        for (const char* folder : {"core", "engine", "experiments/store", "experiments/records",
                                   "experiments/recipes", "app/cli"}) {
            expectNone(violations(folder, [](const Include& include) { return isQt(include.target); }));
        }
    }

    void onlyPlotSourcesKnowQCustomPlot() {
        for (const QString& room : rooms().keys()) {
            expectNone(violations(room, [&](const Include& include) {
                return isPlotting(include.target) && !(room == "plots" && include.file.endsWith(".cpp"));
            }));
        }
    }

    /// The window's process takes on the person's locale, in which printf writes 0,5 and strtod stops at a point. What
    /// files and messages hold is written and read by fmt, to_chars, from_chars and the JSON library.
    void numbersKnowNoLocale() {
        static const QRegularExpression reading(
            QStringLiteral("\\b(strto(d|f|ld)|sto(d|f|ld)|atof|s?scanf)\\s*\\("));
        static const QRegularExpression writing(
            QStringLiteral("printf\\s*\\([^;]*%[-+ #0-9.*]*l?[aefgAEFG][^;]*;"));
        QVERIFY(writing.match("std::snprintf(text, sizeof text, \"%.17g\", x);").hasMatch());
        QVERIFY(!writing.match("std::snprintf(text, sizeof text, \"%03d\", x);").hasMatch());
        // What people read of a running training, once.
        const QString progress = "engine/training/trainer.cpp";
        QStringList found;
        for (const char* folder : {"core", "engine", "experiments"}) {
            QDirIterator files(sourceTree().filePath(folder), {"*.h", "*.cpp"}, QDir::Files,
                               QDirIterator::Subdirectories);
            while (files.hasNext()) {
                QFile file(files.next());
                QVERIFY(file.open(QIODevice::ReadOnly));
                const QString name = sourceTree().relativeFilePath(file.fileName());
                const QString text = QString::fromUtf8(file.readAll());
                if (reading.match(text).hasMatch() || (name != progress && writing.match(text).hasMatch())) {
                    found.append(name);
                }
            }
        }
        expectNone(found);
    }

    /// Folders of core form no cycle, so that each can be understood from the ones below it.
    void coreFoldersFormNoCycle() {
        QMap<QString, QSet<QString>> arrows;
        for (const Include& include : includesUnder("core")) {
            const QString from = folderOf(include.file);
            if (include.target.startsWith("core/") && folderOf(include.target) != from) {
                arrows[from].insert(folderOf(include.target));
            }
        }
        QStringList path;
        QSet<QString> finished;
        QStringList cycle;
        const std::function<void(const QString&)> visit = [&](const QString& folder) {
            if (path.contains(folder)) {
                cycle = path.mid(path.indexOf(folder)) << folder;
            }
            if (!cycle.isEmpty() || finished.contains(folder)) {
                return;
            }
            path.append(folder);
            for (const QString& next : arrows.value(folder)) {
                visit(next);
            }
            path.removeLast();
            finished.insert(folder);
        };
        for (const QString& folder : arrows.keys()) {
            visit(folder);
        }
        QVERIFY2(cycle.isEmpty(), qPrintable(cycle.join(" -> ")));
    }
};

QTEST_APPLESS_MAIN(TestArchitecture)
#include "test_architecture.moc"
