#include "core/deploy/packed_codes.h"
#include "core/types/error.h"

#include <QtTest>

#include <random>

using namespace bitlathe::core;

class TestPackedCodes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand() {
        // 4 bits: low nibble first; 2 bits: four to a byte; 3 bits cross the byte's end.
        QCOMPARE(PackedCodes(std::vector<std::int32_t>{1, 2, 15}, 4, false).bytes(),
                 (std::vector<std::uint8_t>{0x21, 0x0F}));
        QCOMPARE(PackedCodes(std::vector<std::int32_t>{-2, -1, 0, 1, 1}, 2, true).bytes(),
                 (std::vector<std::uint8_t>{0b01'00'11'10, 0b01}));
        QCOMPARE(PackedCodes(std::vector<std::int32_t>{7, 0, 5}, 3, false).bytes(),
                 (std::vector<std::uint8_t>{0b01'000'111, 0b1}));
        QVERIFY(PackedCodes(std::vector<std::int32_t>{}, 8, true).bytes().empty());
    }

    void roundTripsAtEveryWidth() {
        std::mt19937 generator(7);
        for (int bits = 1; bits <= 8; ++bits) {
            for (const bool isSigned : {false, true}) {
                std::vector<std::int32_t> codes(137);
                for (std::int32_t& code : codes) {
                    code = static_cast<std::int32_t>(generator() % (1U << bits)) -
                           (isSigned ? 1 << (bits - 1) : 0);
                }
                const PackedCodes packed(codes, bits, isSigned);
                QCOMPARE(packed.size(), 137);
                QCOMPARE(packed.bytes().size(), std::size_t((137 * bits + 7) / 8));
                const std::vector<std::int16_t> back = packed.unpacked();
                QVERIFY(std::equal(codes.begin(), codes.end(), back.begin(), back.end()));
            }
        }
    }

    void refusesWhatDoesNotFit() {
        QVERIFY_EXCEPTION_THROWN(PackedCodes(std::vector<std::int32_t>{16}, 4, false), Error);
        QVERIFY_EXCEPTION_THROWN(PackedCodes(std::vector<std::int32_t>{-1}, 4, false), Error);
        QVERIFY_EXCEPTION_THROWN(PackedCodes(std::vector<std::int32_t>{8}, 4, true), Error);
        QVERIFY_EXCEPTION_THROWN(PackedCodes(std::vector<std::int32_t>{0}, 9, true), Error);
    }
};

QTEST_APPLESS_MAIN(TestPackedCodes)
#include "test_packed_codes.moc"
