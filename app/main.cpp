#include "app/application.h"
#include "app/screenshots.h"
#include "ui/main_window.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <QApplication>
#include <QCommandLineParser>
#include <QTimer>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <unistd.h>

namespace {

/// Milliseconds since the kernel started this process; loading the program is part of them.
double processAgeMs() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    // Field 22 of /proc/self/stat: start time in clock ticks since boot. The name in field 2 may hold spaces.
    char text[1024] = {};
    FILE* const file = std::fopen("/proc/self/stat", "r");
    if (file == nullptr) {
        return 0;
    }
    const std::size_t length = std::fread(text, 1, sizeof text - 1, file);
    std::fclose(file);
    const std::string stat(text, length);
    const std::size_t afterName = stat.rfind(')');
    unsigned long long startTicks = 0;
    std::size_t position = afterName;
    for (int field = 2; field < 22 && position != std::string::npos; ++field) {
        position = stat.find(' ', position + 1);
    }
    if (position == std::string::npos || std::sscanf(stat.c_str() + position, "%llu", &startTicks) != 1) {
        return 0;
    }
    const double startMs =
        1000.0 * static_cast<double>(startTicks) / static_cast<double>(sysconf(_SC_CLK_TCK));
    return 1000.0 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e6 - startMs;
}

bool hasDisplay() {
    return qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY") ||
           qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
}

/// Options that only print need no display.
bool onlyPrints(int argc, char** argv) {
    return std::any_of(argv + 1, argv + argc, [](const char* argument) {
        const QLatin1String text(argument);
        return text == QLatin1String("--help") || text == QLatin1String("-h") ||
               text == QLatin1String("--version") || text == QLatin1String("-v");
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (!hasDisplay()) {
        if (!onlyPrints(argc, argv)) {
            std::fprintf(
                stderr,
                "bitlathe: there is no display for the window (neither DISPLAY nor WAYLAND_DISPLAY is "
                "set); start it on a desktop, or use bitlathe-cli\n");
            return 2;
        }
        qputenv("QT_QPA_PLATFORM", "offscreen");
    }
    // Log lines go to stderr (and to the window's log panel): stdout is for what an option asks to be
    // printed.
    spdlog::set_default_logger(spdlog::stderr_logger_mt("bitlathe"));
    QApplication program(argc, argv);
    QApplication::setApplicationName(QStringLiteral("bitlathe"));
    QApplication::setApplicationDisplayName(QStringLiteral("Bitlathe"));
    QApplication::setApplicationVersion(QStringLiteral(BITLATHE_VERSION));
    QGuiApplication::setDesktopFileName(QStringLiteral("org.bitlathe.Bitlathe"));

    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Workbench for neural-network quantization experiments."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption exitOption(QStringLiteral("exit-after-startup"),
                                        QStringLiteral("Show the window, load everything, and quit."));
    const QCommandLineOption logOption(QStringLiteral("log"), QStringLiteral("Experiment log to use."),
                                       QStringLiteral("FILE"));
    const QCommandLineOption shotsOption(
        QStringLiteral("screenshots"),
        QStringLiteral("Run FILE, save pictures of the window into DIR, and quit."), QStringLiteral("DIR"));
    const QCommandLineOption measureOption(
        QStringLiteral("measure-startup"),
        QStringLiteral("Print the milliseconds from process start to the first painted window, and quit."));
    parser.addOptions({exitOption, logOption, shotsOption, measureOption});
    parser.addPositionalArgument(
        QStringLiteral("FILE"), QStringLiteral("Model (.pt), recipe (.json) or project (.bitlathe) to open."),
        QStringLiteral("[FILE]"));
    parser.process(program);
    if (parser.positionalArguments().size() > 1) {
        std::fprintf(stderr, "bitlathe: one file at a time, not %d; see bitlathe --help\n",
                     static_cast<int>(parser.positionalArguments().size()));
        return 2;
    }

    bitlathe::app::Application::Options options;
    options.file = parser.positionalArguments().value(0);
    options.logPath = parser.isSet(logOption)
                          ? parser.value(logOption)
                          : QString::fromStdString(bitlathe::experiments::defaultLogPath());
    bitlathe::app::Application application(options);
    if (parser.isSet(measureOption)) {
        QObject::connect(&application, &bitlathe::app::Application::firstPainted, &program, [] {
            std::printf("%.1f\n", processAgeMs());
            std::fflush(stdout);
            QApplication::quit();
        });
    }
    if (parser.isSet(exitOption)) {
        QObject::connect(&application, &bitlathe::app::Application::started, &program,
                         [] { QTimer::singleShot(0, qApp, &QApplication::quit); });
    }
    if (parser.isSet(shotsOption)) {
        new bitlathe::app::Screenshots(application, parser.value(shotsOption));
    }
    application.start();
    return QApplication::exec();
}
