/* Wine 8 has no ProcessPrng, which the standard library of Rust takes random numbers from; Windows 10 and newer Wines do.
 * For tests under Wine only: it is no part of what is released. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T size) {
    return SystemFunction036(bytes, (ULONG)size);
}
