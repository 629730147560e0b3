#include "core/exporters/c_code/kernel_text.h"

#include <QtTest>

using namespace bitlathe::core;

/// What of the kernels goes into an exported folder.
class TestKernelText : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void decides_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("expected");
        QTest::newRow("true") << "#if BL_HAS_A\nx\n#endif\n"
                              << "x\n";
        QTest::newRow("false") << "a\n#if BL_HAS_B\nx\n#endif\nb\n"
                               << "a\nb\n";
        QTest::newRow("else of true") << "#if BL_HAS_A\nx\n#else\ny\n#endif\n"
                                      << "x\n";
        QTest::newRow("else of false") << "#if BL_HAS_B\nx\n#else\ny\n#endif\n"
                                       << "y\n";
        QTest::newRow("one of two") << "#if BL_HAS_B || BL_HAS_A\nx\n#endif\n"
                                    << "x\n";
        QTest::newRow("none of two") << "#if BL_HAS_B || BL_HAS_C\nx\n#endif\n"
                                     << "";
        QTest::newRow("both") << "#if BL_HAS_A && BL_HAS_B\nx\n#endif\n"
                              << "";
        QTest::newRow("others stay") << "#if BL_DSP\nx\n#else\ny\n#endif\n"
                                     << "#if BL_DSP\nx\n#else\ny\n#endif\n";
        QTest::newRow("partly decided") << "#if BL_DSP && BL_HAS_A\nx\n#endif\n"
                                        << "#if BL_DSP\nx\n#endif\n";
        QTest::newRow("guards stay") << "#ifndef H\n#define H\n#endif\n"
                                     << "#ifndef H\n#define H\n#endif\n";
        QTest::newRow("nested in false")
            << "#if BL_HAS_B\n#if BL_HAS_A\nx\n#else\ny\n#endif\n#if Z\nz\n#endif\n#endif\nq\n"
            << "q\n";
        QTest::newRow("nested in undecided") << "#if Z\n#if BL_HAS_B\nx\n#else\ny\n#endif\n#endif\n"
                                             << "#if Z\ny\n#endif\n";
        QTest::newRow("the configuration goes") << "#include \"bl_config.h\"\n#include \"bl_port.h\"\n"
                                                << "#include \"bl_port.h\"\n";
    }
    void decides() {
        QFETCH(QString, text);
        QFETCH(QString, expected);
        QCOMPARE(QString::fromStdString(kernelTextFor(text.toStdString(), {"BL_HAS_A"})), expected);
    }

    void nothingUndecidedIsLeft() {
        for (const KernelFile& file : kernelFiles()) {
            QVERIFY2(!file.text.empty(), std::string(file.name).c_str());
            QCOMPARE(kernelTextFor(file.text, {}).find("BL_HAS_"), std::string::npos);
        }
    }
};

QTEST_APPLESS_MAIN(TestKernelText)
#include "test_kernel_text.moc"
