#include "core/device/device.h"
#include "core/types/error.h"

#include <QtTest>

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>

using namespace bitlathe::core;

namespace {

const std::string kBuiltin = std::string(BITLATHE_SOURCE_DIR) + "/resources/devices";

/// A small device file that is right; tests spoil one thing of it.
const QByteArray kGood = R"({
  "schema": 1, "name": "Test chip", "core": "Cortex-M4F", "clock_mhz": 100, "features": ["DSP"],
  "rom": [{"name": "flash", "bytes": 1000}],
  "ram": [{"name": "SRAM", "bytes": 500}, {"name": "CCM", "bytes": 100, "usable": false}],
  "source": "a test", "source_date": "2026-11"
})";

std::string messageOf(const QByteArray& text, ErrorCode code = ErrorCode::DataFormat) {
    try {
        parseDevice(text.toStdString(), "folder/chip.json");
    } catch (const Error& error) {
        return error.code() == code ? error.what() : "another code";
    }
    return "no error";
}

void writeFile(const QString& path, const QByteArray& text) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(text);
}

}  // namespace

class TestDeviceCatalogue : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsEveryField() {
        const Device device = parseDevice(kGood.toStdString(), "folder/chip.json");
        QCOMPARE(device.id, std::string("chip"));
        QCOMPARE(device.name, std::string("Test chip"));
        QCOMPARE(device.clockMhz, 100.0);
        QCOMPARE(device.features, std::vector<std::string>{"DSP"});
        QCOMPARE(device.ram.size(), std::size_t(2));
        QVERIFY(!device.ram[1].isUsable);
        QCOMPARE(device.romLimitBytes(), 1000);
        QCOMPARE(device.ramLimitBytes(), 500);  // the CCM does not count
    }

    void reserveLowersTheLimits() {
        QByteArray text = kGood;
        text.replace("\"source\":", "\"reserved_rom_bytes\": 300, \"reserved_ram_bytes\": 20, \"source\":");
        const Device device = parseDevice(text.toStdString(), "chip.json");
        QCOMPARE(device.romLimitBytes(), 700);
        QCOMPARE(device.ramLimitBytes(), 480);
    }

    void refusesWithFileAndPath_data() {
        QTest::addColumn<QByteArray>("from");
        QTest::addColumn<QByteArray>("to");
        QTest::addColumn<QByteArray>("expected");
        const auto row = [](const char* name, const char* from, const char* to, const char* expected) {
            QTest::newRow(name) << QByteArray(from) << QByteArray(to) << QByteArray(expected);
        };
        row("negative size", "\"bytes\": 500", "\"bytes\": -5", "/ram/0/bytes must not be negative, is -5");
        row("fraction", "\"bytes\": 500", "\"bytes\": 0.5", "/ram/0/bytes must be a whole number of bytes");
        row("too big", "\"bytes\": 500", "\"bytes\": 18446744073709551615", "/ram/0/bytes must be at most");
        row("size as text", "\"bytes\": 1000", "\"bytes\": \"1k\"", "/rom/0/bytes must be a whole number");
        row("no RAM bytes", "\"bytes\": 500", "\"bytes\": 0", "/ram has no usable bytes");
        row("RAM not usable", "\"bytes\": 500", "\"bytes\": 500, \"usable\": false",
            "/ram has no usable bytes");
        row("no ROM bytes", "\"bytes\": 1000", "\"bytes\": 0", "/rom has no usable bytes");
        row("reserve too big", "\"source\":", "\"reserved_ram_bytes\": 500, \"source\":",
            "/reserved_ram_bytes takes all the RAM");
        row("key missing", "\"clock_mhz\": 100,", "", "/clock_mhz is missing");
        row("clock zero", "\"clock_mhz\": 100", "\"clock_mhz\": 0", "/clock_mhz must be a number above 0");
        row("typo", "\"clock_mhz\"", "\"clock_mzh\"", "/clock_mzh is not a key of a device file");
        row("typo in bank", "\"usable\"", "\"useable\"", "/ram/1/useable is not a key");
        row("usable no flag", "\"usable\": false", "\"usable\": 0", "/ram/1/usable must be true or false");
        row("name empty", "\"Test chip\"", "\"\"", "/name must be a text that is not empty");
        row("name a number", "\"Test chip\"", "7", "/name must be a text");
        row("feature a number", "[\"DSP\"]", "[1]", "/features/0 must be a text");
        row("ram no list", "\"ram\": [", "\"ram\": 5, \"note\": [", "/ram must be a list");
        row("bank no object", "[{\"name\": \"flash\", \"bytes\": 1000}]", "[1000]",
            "/rom/0 must be an object");
        row("newer schema", "\"schema\": 1", "\"schema\": 2", "/schema must be 1, is 2");
        row("truncated", "\"source_date\": \"2026-11\"\n}", "\"source_da",
            "not valid JSON: parse error at line 5");
        row("no object", kGood.constData(), "[]", "/ must be an object, is array");
        row("a key twice", "\"bytes\": 500", "\"bytes\": 500, \"bytes\": 9",
            "the key 'ram.bytes' stands twice");
        row("beyond any number", "\"clock_mhz\": 100", "\"clock_mhz\": 1e999", "not valid JSON");
        row("empty file", kGood.constData(), "", "not valid JSON: parse error at line 1");
    }
    void refusesWithFileAndPath() {
        QFETCH(QByteArray, from);
        QFETCH(QByteArray, to);
        QFETCH(QByteArray, expected);
        QByteArray text = kGood;
        QVERIFY(text.contains(from));
        text.replace(text.indexOf(from), from.size(), to);
        const std::string message = messageOf(text);
        QVERIFY2(QByteArray::fromStdString(message).contains(expected), message.c_str());
        QVERIFY2(message.find("folder/chip.json") != std::string::npos, message.c_str());
    }

    void builtinCatalogueIsWhole() {
        QElapsedTimer timer;
        timer.start();
        const DeviceCatalogue catalogue = DeviceCatalogue::load(kBuiltin);
        qInfo("%zu devices in %.2f ms", catalogue.devices().size(), double(timer.nsecsElapsed()) / 1e6);
        QVERIFY(catalogue.devices().size() >= 50);
        const QStringList files = QDir(QString::fromStdString(kBuiltin)).entryList({"*.json"});
        QCOMPARE(catalogue.devices().size(), std::size_t(files.size()));
        for (const Device& device : catalogue.devices()) {
            QVERIFY2(!device.vendor.empty() && !device.sourceDate.empty(), device.id.c_str());
            QVERIFY2(device.ramLimitBytes() >= 2048 && device.romLimitBytes() >= 16384, device.id.c_str());
            QVERIFY(!device.isUserDefined);
        }
        // Limits of a few parts whose banks differ from their total.
        QCOMPARE(catalogue.find("stm32h743zi").ramLimitBytes(), 524288);
        QCOMPARE(catalogue.find("stm32n657").ramLimitBytes(), 2097152 + 4 * 458752);
        QCOMPARE(catalogue.find("nrf52840-s140").romLimitBytes(), 815104);
        QCOMPARE(catalogue.find("nrf52840-s140").ramLimitBytes(), 248832);
        QVERIFY(catalogue.find("rp2040").rom.front().isExternal);
    }

    void findsByIdAndName() {
        const DeviceCatalogue catalogue = DeviceCatalogue::load(kBuiltin);
        QCOMPARE(catalogue.find("STM32F411RE").id, std::string("stm32f411re"));
        QCOMPARE(catalogue.find("stm32-f411 re").id, std::string("stm32f411re"));
        QCOMPARE(catalogue.find("i.MX RT1062").id, std::string("imxrt1062"));
    }

    void unknownDeviceNamesNearOnes() {
        const DeviceCatalogue catalogue = DeviceCatalogue::load(kBuiltin);
        try {
            catalogue.find("stm32f411rx");
            QFAIL("found a device that is not there");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidConfig);
            const std::string message = error.what();
            QVERIFY2(message.find("stm32f411rx") != std::string::npos, message.c_str());
            QVERIFY2(message.find("stm32f411re") != std::string::npos, message.c_str());
        }
        // A part of a name is near to all that contain it.
        try {
            catalogue.find("h743");
            QFAIL("found a device that is not there");
        } catch (const Error& error) {
            QVERIFY2(std::string(error.what()).find("stm32h743zi") != std::string::npos, error.what());
        }
    }

    void userFolderReplacesAndAdds() {
        QTemporaryDir user;
        QByteArray faster = kGood;
        faster.replace("Test chip", "STM32F411RE");
        writeFile(user.filePath("stm32f411re.json"), faster);
        writeFile(user.filePath("mine.json"), kGood);
        writeFile(user.filePath("notes.txt"), "not a device");
        const std::size_t builtin = DeviceCatalogue::load(kBuiltin).devices().size();
        const DeviceCatalogue catalogue = DeviceCatalogue::load(kBuiltin, user.path().toStdString());
        QCOMPARE(catalogue.devices().size(), builtin + 1);
        QCOMPARE(catalogue.find("stm32f411re").ramLimitBytes(), 500);
        QVERIFY(catalogue.find("stm32f411re").isUserDefined);
        QVERIFY(catalogue.find("mine").isUserDefined);
    }

    void missingUserFolderIsEmpty() {
        QCOMPARE(DeviceCatalogue::load(kBuiltin, "/nonexistent/devices").devices().size(),
                 DeviceCatalogue::load(kBuiltin).devices().size());
    }

    void missingBuiltinFolderIsAnError() {
        try {
            DeviceCatalogue::load("/nonexistent/devices");
            QFAIL("loaded a folder that is not there");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Io);
            QVERIFY2(std::string(error.what()).find("/nonexistent/devices") != std::string::npos,
                     error.what());
        }
    }

    void refusesDuplicates_data() {
        QTest::addColumn<QString>("secondFile");
        QTest::addColumn<QByteArray>("expected");
        QTest::newRow("same id but for case") << "Chip.json" << QByteArray("is taken by");
        QTest::newRow("same name") << "other.json" << QByteArray("both are named 'Test chip'");
    }
    void refusesDuplicates() {
        QFETCH(QString, secondFile);
        QFETCH(QByteArray, expected);
        QTemporaryDir folder;
        writeFile(folder.filePath("chip.json"), kGood);
        writeFile(folder.filePath(secondFile), kGood);
        try {
            DeviceCatalogue::load(folder.path().toStdString());
            QFAIL("took the same device twice");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::DataFormat);
            QVERIFY2(QByteArray(error.what()).contains(expected), error.what());
            QVERIFY2(QByteArray(error.what()).contains("chip.json"), error.what());
        }
    }
};

QTEST_GUILESS_MAIN(TestDeviceCatalogue)
#include "test_device_catalogue.moc"
