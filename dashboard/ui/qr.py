"""QR codes (ISO/IEC 18004, byte mode, error correction level M) as SVG, so that a login code can be shown offline."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final

_EC_PER_BLOCK: Final = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
_BLOCKS: Final = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)
_MASKS: Final = (
    lambda r, c: (r + c) % 2 == 0,
    lambda r, c: r % 2 == 0,
    lambda r, c: c % 3 == 0,
    lambda r, c: (r + c) % 3 == 0,
    lambda r, c: (r // 2 + c // 3) % 2 == 0,
    lambda r, c: r * c % 2 + r * c % 3 == 0,
    lambda r, c: (r * c % 2 + r * c % 3) % 2 == 0,
    lambda r, c: ((r + c) % 2 + r * c % 3) % 2 == 0,
)
Grid = list[list[int]]


def data_uri(text: str) -> str:
    """The code of ``text`` as an SVG image address with the quiet zone of four modules.

    Raises:
        ValueError: More than 666 bytes (version 20).
    """
    grid = matrix(text)
    size = len(grid) + 8
    path = "".join(f"M{c + 4} {r + 4}h1v1h-1z" for r, row in enumerate(grid) for c, dark in enumerate(row) if dark)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


@lru_cache(maxsize=8)
def matrix(text: str) -> Grid:
    """The modules, 1 = dark, with the mask of the least penalty."""
    payload = text.encode("utf-8")
    version = next((v for v in range(1, 21) if len(payload) + 2 + (v > 9) <= _capacity(v)), None)
    if version is None:
        raise ValueError("a QR code of version 20 holds at most 666 bytes")
    words = _codewords(payload, version)
    drawn = [_draw(words, version, mask) for mask in range(8)]
    return min(drawn, key=_penalty)


def _capacity(version: int) -> int:
    return _total(version) - _EC_PER_BLOCK[version - 1] * _BLOCKS[version - 1]


def _total(version: int) -> int:
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        n = version // 7 + 2
        modules -= (25 * n - 10) * n - 55
    return (modules - 36 * (version >= 7)) // 8


def _codewords(payload: bytes, version: int) -> list[int]:
    width = 16 if version > 9 else 8
    bits = f"0100{len(payload):0{width}b}" + "".join(f"{byte:08b}" for byte in payload)
    room = _capacity(version) * 8
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]
    data += [(0xEC, 0x11)[n % 2] for n in range(_capacity(version) - len(data))]
    count, ec = _BLOCKS[version - 1], _EC_PER_BLOCK[version - 1]
    short, long = len(data) // count, len(data) % count
    blocks, at = [], 0
    for n in range(count):
        size = short + (n >= count - long)
        blocks.append(data[at : at + size])
        at += size
    generator = _generator(ec)
    checks = [_remainder(block, generator) for block in blocks]
    out = [block[n] for n in range(short + 1) for block in blocks if n < len(block)]
    return out + [check[n] for n in range(ec) for check in checks]


def _times(a: int, b: int) -> int:
    out = 0
    for bit in range(7, -1, -1):
        out = (out << 1) ^ (0x11D if out >> 7 else 0)
        out ^= a if b >> bit & 1 else 0
    return out


@lru_cache(maxsize=32)
def _generator(degree: int) -> tuple[int, ...]:
    poly, root = [1], 1
    for _ in range(degree):
        longer = [*poly, 0]
        for n, value in enumerate(poly):
            longer[n + 1] ^= _times(value, root)
        poly, root = longer, _times(root, 2)
    return tuple(poly[1:])


def _remainder(block: list[int], generator: tuple[int, ...]) -> list[int]:
    rest = [0] * len(generator)
    for value in block:
        factor = value ^ rest.pop(0)
        rest.append(0)
        rest = [r ^ _times(g, factor) for r, g in zip(rest, generator, strict=True)]
    return rest


def _draw(words: list[int], version: int, mask: int) -> Grid:
    size = 17 + 4 * version
    grid: list[list[int | None]] = [[None] * size for _ in range(size)]

    def box(row: int, col: int, half: int, rings: tuple[int, ...]) -> None:
        for r in range(row - half, row + half + 1):
            for c in range(col - half, col + half + 1):
                if 0 <= r < size and 0 <= c < size:
                    grid[r][c] = int(max(abs(r - row), abs(c - col)) in rings)

    for n in range(size):
        grid[6][n] = grid[n][6] = 1 - n % 2
    for row, col in ((3, 3), (3, size - 4), (size - 4, 3)):
        box(row, col, 4, (0, 1, 3))
    places = _alignment(version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for place in ((r, c) for r in places for c in places):
        if place not in corners:
            box(*place, 2, (0, 2))
    _signs(grid, size, version, mask)
    bits = (word >> bit & 1 for word in words for bit in range(7, -1, -1))
    up = True
    for right in range(size - 1, 0, -2):
        right -= right <= 6
        for row in range(size - 1, -1, -1) if up else range(size):
            for col in (right, right - 1):
                if grid[row][col] is None:
                    grid[row][col] = next(bits, 0) ^ int(_MASKS[mask](row, col))
        up = not up
    return [[int(cell or 0) for cell in row] for row in grid]


def _alignment(version: int) -> list[int]:
    if version == 1:
        return []
    count, last = version // 7 + 2, 4 * version + 10
    step = (version * 4 + count * 2 + 1) // (2 * count - 2) * 2
    return [6, *sorted(last - n * step for n in range(count - 1))]


def _signs(grid: list[list[int | None]], size: int, version: int, mask: int) -> None:
    value = mask  # level M is 00
    rest = value
    for _ in range(10):
        rest = (rest << 1) ^ ((rest >> 9) * 0x537)
    sign = (value << 10 | rest) ^ 0x5412
    first = [(n, 8) for n in range(6)] + [(7, 8), (8, 8), (8, 7)] + [(8, 14 - n) for n in range(9, 15)]
    second = [(8, size - 1 - n) for n in range(8)] + [(size - 15 + n, 8) for n in range(8, 15)]
    for bit, ((r1, c1), (r2, c2)) in enumerate(zip(first, second, strict=True)):
        grid[r1][c1] = grid[r2][c2] = sign >> bit & 1
    grid[size - 8][8] = 1
    if version >= 7:
        rest = version
        for _ in range(12):
            rest = (rest << 1) ^ ((rest >> 11) * 0x1F25)
        sign = version << 12 | rest
        for bit in range(18):
            a, b = size - 11 + bit % 3, bit // 3
            grid[a][b] = grid[b][a] = sign >> bit & 1


def _penalty(grid: Grid) -> int:
    size, score = len(grid), 0
    finder = ("10111010000", "00001011101")
    for line in [*grid, *(list(column) for column in zip(*grid, strict=True))]:
        text = "".join(map(str, line))
        run = 1
        for a, b in zip(text, text[1:] + "x", strict=True):
            if a == b:
                run += 1
            else:
                score += run - 2 if run >= 5 else 0
                run = 1
        score += 40 * sum(text.startswith(pattern, n) for pattern in finder for n in range(size - 10))
    for r in range(size - 1):
        for c in range(size - 1):
            score += 3 * (grid[r][c] == grid[r][c + 1] == grid[r + 1][c] == grid[r + 1][c + 1])
    dark = sum(map(sum, grid)) * 100 / size**2
    return score + 10 * int(abs(dark - 50) / 5)
