#pragma once

#include <string>

#include "app/application.h"
#include "core/zoo/zoo.h"
#include "tests/support/fake_engine.h"
#include "tests/support/patience.h"
#include "ui/main_window.h"

#include <QApplication>
#include <QFile>
#include <QMessageBox>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

namespace bitlathe::tests {

/// Answers the next message box with `name` by pressing the button `press`, and gives up after five seconds
/// so that a box that never comes, or one nobody expects, cannot hang the test.
inline void answerBox(const QString& name, const std::function<void(QMessageBox&)>& press) {
    auto* const timer = new QTimer(qApp);
    timer->setInterval(20);
    QObject::connect(timer, &QTimer::timeout, timer, [name, press, timer, tries = 0]() mutable {
        for (QWidget* const widget : QApplication::topLevelWidgets()) {
            auto* const box = qobject_cast<QMessageBox*>(widget);
            if (box != nullptr && box->isVisible() && box->objectName() == name) {
                timer->deleteLater();
                press(*box);
                return;
            }
        }
        if (++tries > 250) {
            timer->deleteLater();
            if (QWidget* const modal = QApplication::activeModalWidget()) {
                modal->close();
            }
        }
    });
    timer->start();
}

/// The whole program in a folder of its own, with an engine that answers without tensors: for tests that inherit it.
class WindowBench {
protected:
    /// Before each test.
    void setUp() {
        m_folder = std::make_unique<QTemporaryDir>();
        qputenv("XDG_DATA_HOME", m_folder->filePath("data").toUtf8());
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, m_folder->filePath("config"));
        m_isBlocked = false;
        m_blockedMethod = "evaluate";
        writeRecipe();
    }
    /// After each test.
    void tearDown() {
        m_isBlocked = false;
        if (m_application) {
            m_application->workbench().document().undoStack()->setClean();
        }
        m_application.reset();
        m_folder.reset();
    }
    /// Opens the window, on `file` unless it is empty.
    void start(const QString& file) {
        app::Application::Options options;
        options.file = file;
        options.logPath = m_folder->filePath(QStringLiteral("experiments.db"));
        m_application = std::make_unique<app::Application>(options, [this] {
            auto engine = std::make_shared<tests::FakeEngine>();
            if (!m_isGraphMissing) {
                engine->graph = core::buildZooModel(
                    "mobilenet_v1", {{"width", 0.25}, {"classes", 10}, {"channels", 1}, {"size", 32}},
                    core::Seed{1});
            }
            engine->onStep = [this](const std::string& method, std::int64_t) {
                while (m_isBlocked && method == m_blockedMethod) {
                    m_isWaiting = true;
                    std::this_thread::sleep_for(std::chrono::milliseconds(2));
                }
                m_isWaiting = false;
            };
            return engine;
        });
        QSignalSpy started(m_application.get(), &app::Application::started);
        m_application->start();
        QTRY_COMPARE_WITH_TIMEOUT(started.size(), 1, kPatienceMs);
        QVERIFY(QTest::qWaitForWindowActive(&m_application->window()));
    }

    void writeRecipe() {
        const QString model = m_folder->filePath(QStringLiteral("net.pt"));
        QFile modelFile(model);
        QVERIFY(modelFile.open(QIODevice::WriteOnly));
        modelFile.write("the fake engine reads no file");
        m_recipe = m_folder->filePath(QStringLiteral("r.json"));
        QFile file(m_recipe);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(
            R"({"schema_version": 1, "name": "small", "seed": 1, "threads": 1, "model": {"file": "net.pt"},
            "data": {"dataset": "fashion_mnist", "pad": 2}, "device": "stm32f411re",
            "variants": [
              {"name": "W8A8", "config": {"input": {"bits": 8}, "defaults": {
                "weight": {"bits": 8, "quantizer": "symmetric", "granularity": "channel"}, "output": {"bits": 8}}}},
              {"name": "W4A8", "config": {"input": {"bits": 8}, "defaults": {
                "weight": {"bits": 4, "quantizer": "symmetric", "granularity": "channel"}, "output": {"bits": 8}}}}],
            "stages": [{"stage": "calibrate", "samples": 8, "batch_size": 4},
                       {"stage": "evaluate", "samples": 16, "batch_size": 8}]})");
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<app::Application> m_application;
    QString m_recipe;
    std::string m_blockedMethod = "evaluate";  ///< set before m_isBlocked
    std::atomic<bool> m_isBlocked = false;
    std::atomic<bool> m_isWaiting = false;
    std::atomic<bool> m_isGraphMissing = false;
};

}  // namespace bitlathe::tests
