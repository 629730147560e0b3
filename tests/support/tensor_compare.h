#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>

#include <QtTest>

namespace bitlathe::tests {

/// Equal shapes, values within absolute + relative tolerance.
inline void compareTensors(const at::Tensor& actual, const at::Tensor& expected, double absolute,
                           double relative = 0) {
    QCOMPARE(actual.sizes().vec(), expected.sizes().vec());
    const double worst = actual.sub(expected).abs().max().item().toDouble();
    QVERIFY2(at::allclose(actual, expected, relative, absolute),
             qPrintable(QStringLiteral("largest difference %1").arg(worst)));
}

}  // namespace bitlathe::tests
