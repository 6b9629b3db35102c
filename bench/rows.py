# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark: what is prepared, what runs in each round, what was wanted. Each function returns a row for report.py."""
import hashlib
import os
import shutil
import subprocess
import time

import places
import report

LATENCY_MS, CONNECTION_RATE, FILL_CONNECTIONS = 30, 50_000_000, 32  # a store in the same region; the connections that fill files


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(4 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def check_equal(first, second):
    if sha256(first) != sha256(second):
        raise RuntimeError(f"{second} differs from {first}: a fast wrong read is a failure")


def row(title, state, unit, values, limit=None, wanted=(), lower_is_better=False, **more):
    made = {"title": title, "state": state, "unit": unit, "values": values, "limit": limit, "lower_is_better": lower_is_better, "wanted": [], **more}
    for text, of, least in wanted:
        ratio = report.ratio_of(made, "headrace", of) if of else None
        made["wanted"].append({"text": text, "got": None if ratio is None else f"{ratio:.2f} ×", "met": ratio is not None and ratio >= least})
    return made


def interleaved(rounds, contestants, measure, prepare=None, memory_of=None):
    """{name: [a value a round]}; every contestant once a round, in an order that turns. `memory_of`: the bench, when what is measured takes
    much fresh memory; not where single waits count, since a host that takes memory back stops the machine for moments."""
    values = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        if prepare is not None:
            prepare()
        for name in names[number % len(names):] + names[:number % len(names)]:
            if memory_of is not None:
                memory_of.touch_memory()
            values[name].append(measure(name, contestants[name]))
    return values


class Cpu:
    """Adds up a server's CPU over the measurements of one contestant."""

    def __init__(self):
        self.seconds = 0.0
        self.bytes = 0
        self.operations = 0

    def around(self, place, work):
        before = place.cpu_seconds()
        done = work()
        self.seconds += place.cpu_seconds() - before
        self.bytes += done["bytes"]
        self.operations += done["operations"]
        return done

    def per_gib(self):
        return f"{self.seconds / max(self.bytes / 2**30, 1e-9):.3f} core seconds per GiB"

    def per_operation(self):
        return f"{self.seconds / max(self.operations, 1) * 1e6:.1f} µs per operation"


class LogSyncs:
    """Adds up a volume's transactions and the syncs of its metadata's log over its measurements; all of a volume's writers share one log."""

    def __init__(self):
        self.transactions = self.syncs = self.files = 0.0

    def around(self, place, work):
        before = place.stats()
        done = work()
        after = place.stats()
        self.transactions += after["headrace_transactions_per_commit_sum"] - before["headrace_transactions_per_commit_sum"]
        self.syncs += after["headrace_wal_syncs_total"] - before["headrace_wal_syncs_total"]
        self.files += done["operations"]
        return done


def big_file(bench):
    """The same 1 GiB in every place: written once, copied."""
    source = bench.huge.path("big")
    if not os.path.exists(source):
        bench.load("seqwrite", source, bench.big_bytes, 1 << 20)
        shutil.copyfile(source, bench.shm.path("big"))
    return source


def copy_in_large_writes(source, target):
    """As a tmpfs wants it that shall use huge pages: the length first, then 2 MiB at a time."""
    with open(source, "rb") as old, open(target, "wb") as new:
        new.truncate(os.path.getsize(source))
        while chunk := old.read(2 << 20):
            new.write(chunk)


def readers(bench):
    """Headrace with the big file whole on the node, the peers over the huge tmpfs, and the limits."""
    source = big_file(bench)
    volume = bench.headrace("read", ["--cache-size", "4G"])
    shutil.copyfile(source, volume.path("big"))
    volume.remount()
    volume.warm("big")
    bindfs, mergerfs = bench.mirror("bindfs", bench.huge.folder), bench.mirror("mergerfs", bench.huge.folder)
    contestants = {"headrace": volume, bench.huge.name: bench.huge, bench.shm.name: bench.shm}
    contestants |= {place.name: place for place in (bindfs, mergerfs) if place is not None}
    def place_anew():
        """Which memory a file got is luck, and it stays for the file's life: each round draws again for all."""
        for place in (bench.huge, bench.shm):
            copy_in_large_writes(place.path("big"), place.path("again"))
            os.replace(place.path("again"), place.path("big"))
        volume.warm("big", evict=True)
        volume.warm("big")

    return volume, contestants, (volume, bindfs, mergerfs), place_anew


def seqread(bench, rounds):
    volume, contestants, opened, place_anew = readers(bench)
    cpu = Cpu()
    contestants["memcpy"] = None

    def measure(name, place):
        if place is None:
            done = bench.load("memcpy", 512 << 20, 1)
        elif place is volume:
            done = cpu.around(volume, lambda: bench.load("seqread", place.path("big"), 1 << 20))
        else:
            done = bench.load("seqread", place.path("big"), 1 << 20)
        return done["bytes"] / done["seconds"]

    values = interleaved(rounds, contestants, measure, place_anew)
    check_equal(bench.huge.path("big"), volume.path("big"))
    bench.done_with(*[place for place in opened if place is not None])
    return row("Sequential read, 1 GiB, 1 MiB blocks, one thread", "The file is whole in the node's tier; nothing in the page cache is needed. Every copy of it is made anew in each round.", "B/s",
               values, limit=bench.huge.name, server_cpu=cpu.per_gib(),
               wanted=[("0.95 × the same file on a huge-page tmpfs", bench.huge.name, 0.95), ("1.2 × /dev/shm", "/dev/shm", 1.2),
                       ("75 % of memcpy", "memcpy", 0.75), ("5 × bindfs", "bindfs", 5)])


def randread(bench, rounds, threads):
    volume, contestants, opened, place_anew = readers(bench)
    cpu = Cpu()
    seconds = 1 if bench.options.quick else 2

    def measure(_, place):
        done = cpu.around(place, lambda: bench.load("randread", place.path("big"), 4096, threads, seconds)) if place is volume else \
            bench.load("randread", place.path("big"), 4096, threads, seconds)
        return done["operations"] / done["seconds"]

    values = interleaved(rounds, contestants, measure, place_anew)
    bench.done_with(*[place for place in opened if place is not None])
    return row(f"Random 4 KiB reads, {threads} thread{'s' if threads > 1 else ''}", "The same file, whole in the node's tier, every copy made anew in each round.", "reads/s", values,
               limit=bench.huge.name, server_cpu=cpu.per_operation(),
               wanted=[("0.85 × pread on a huge-page tmpfs", bench.huge.name, 0.85), ("1.05 × /dev/shm", "/dev/shm", 1.05), ("20 × bindfs", "bindfs", 20)])


def small_files(bench):
    folder = bench.huge.path("small")
    if not os.path.isdir(folder):
        os.makedirs(folder)
        bench.load("writefiles", folder, bench.small_count, bench.small_bytes, 1)
    return folder


def write_list(bench, name, folder, count):
    path = os.path.join(bench.root, "names-" + name)
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(f"{folder}/{i}\n" for i in range(count))
    return path


def epoch(bench, rounds):
    source = small_files(bench)
    volume = bench.headrace("epoch", ["--cache-size", "6G", "--attr-cache", "60", "--entry-cache", "60"])
    shutil.copytree(source, volume.path("small"))
    volume.remount()
    volume.warm("small")
    bindfs, null = bench.mirror("bindfs", bench.huge.folder), bench.null_fuse()
    contestants = {"headrace": volume, bench.huge.name: bench.huge, null.name: null} | ({"bindfs": bindfs} if bindfs else {})
    lists = {name: write_list(bench, "list-" + str(i), place.folder if place is null else place.path("small"), bench.small_count)
             for i, (name, place) in enumerate(contestants.items())}
    first = bench.load("epoch", lists["headrace"], 2, 99)
    bench.load("epoch", lists[null.name], 2, 99)
    cpu = Cpu()

    def measure(name, place):
        work = lambda: bench.load("epoch", lists[name], 2, 7)  # noqa: E731
        done = cpu.around(place, work) if place is volume else work()
        return done["operations"] / done["seconds"]

    values = interleaved(rounds, contestants, measure)
    for i in range(0, bench.small_count, max(bench.small_count // 200, 1)):
        check_equal(os.path.join(source, str(i)), volume.path("small", str(i)))
    resident = volume.resident_bytes()
    bench.done_with(volume, bindfs, null)
    return row("Second epoch: 20,000 files of 110 KiB, shuffled, two threads",
               f"Warmed; the first epoch ran at {first['operations'] / first['seconds']:,.0f} files/s. open + fstat + read + close; "
               "attributes and entries cached for a minute (--attr-cache 60 --entry-cache 60). The null FUSE server (bench/null_fuse.cc) answers the same "
               "messages of the kernel and does nothing else: what one message a request can give here.", "files/s", values,
               limit=bench.huge.name, server_cpu=cpu.per_operation(), note=f"resident memory of the server after it, tmpfs apart: {resident / 2**20:.1f} MiB",
               wanted=[("0.35 × tmpfs", bench.huge.name, 0.35), ("2 × bindfs", "bindfs", 2)])


ONE_SYNC = "one sync a file"


def writers(bench, rounds, title, state, unit, measure_with, wanted, name, beside_sync=False, counted=None):
    """`beside_sync`: what a log on the metadata's disk that is synced once a file would allow if nothing else took time. `counted`: what else
    is added up over the volume's measurements, as Cpu does."""
    volume = bench.headrace(name)
    contestants = {"headrace": volume, bench.huge.name: bench.huge} | ({ONE_SYNC: None} if beside_sync else {})
    cpu = Cpu()
    number = [0]

    def measure(_, place):
        if place is None:
            done = bench.load("syncs", os.path.join(bench.meta_folder, "log"), 1000, 28 << 10)
            return done["operations"] / done["seconds"]
        number[0] += 1
        folder = place.path(f"{name}-{number[0]}")
        os.makedirs(folder)
        work = lambda: measure_with(folder)  # noqa: E731
        if place is not volume:
            done = work()
        elif counted is None:
            done = cpu.around(place, work)
        else:
            done = counted.around(place, lambda: cpu.around(place, work))
        shutil.rmtree(folder)
        return (done["bytes"] if unit == "B/s" else done["operations"]) / done["seconds"]

    values = interleaved(rounds, contestants, measure, memory_of=bench)
    bench.done_with(volume)
    return row(title, state, unit, values, limit=bench.huge.name, server_cpu=cpu.per_gib() if unit == "B/s" else cpu.per_operation(), wanted=wanted)


def writesmall(bench, rounds):
    count = bench.small_count // 10
    return writers(bench, rounds, "Writing files of 110 KiB, one thread", "Bucket on tmpfs, metadata on the system's disk; each file is closed, so stored and durable.",
                   "files/s", lambda folder: bench.load("writefiles", folder, count, bench.small_bytes, 1), [("0.2 × tmpfs", bench.huge.name, 0.2)], "writesmall", beside_sync=True)


def seqwrite(bench, rounds):
    return writers(bench, rounds, "Sequential write of 1 GiB and fsync", "Bucket on tmpfs.", "B/s",
                   lambda folder: bench.load("seqwrite", os.path.join(folder, "f"), bench.big_bytes, 1 << 20), [("0.5 × one tmpfs write", bench.huge.name, 0.5)], "seqwrite")


def create(bench, rounds, threads):
    syncs = LogSyncs()
    made = writers(bench, rounds, f"Creating files of 4 KiB, {threads} thread{'s' if threads > 1 else ''}", "Bucket on tmpfs, metadata on the system's disk.", "files/s",
                   lambda folder: bench.load("create", folder, bench.create_count, 4096, threads), [], f"create{threads}", beside_sync=threads == 1,
                   counted=syncs)
    least = 1800 if threads == 1 else 5000
    got = report.median(made["values"]["headrace"])
    made["wanted"] = [{"text": f"{least:,} files/s", "got": f"{got:,.0f} files/s", "met": got >= least}]
    if threads > 1:
        shared = syncs.transactions / max(syncs.syncs, 1)
        text = f"{shared:.1f} transactions, {syncs.files / max(syncs.syncs, 1):.1f} files"
        made["wanted"].append({"text": "8 commits per sync of the metadata's log", "got": text, "met": shared >= 8})
    return made


def firstread(bench, rounds):
    source = big_file(bench)
    volume = bench.headrace("first", ["--cache-size", "4G"])
    shutil.copyfile(source, volume.path("big"))
    cpu = Cpu()
    copy = bench.huge.path("copy")

    def measure(name, _):
        if name == "cp":
            places.drop_kernel_caches()
            done = bench.load("seqread", source, 1 << 20)  # warms the program itself
            began = time.monotonic()
            shutil.copyfile(source, copy)
            took = time.monotonic() - began
            os.unlink(copy)
            return done["bytes"] / took
        volume.remount()
        done = cpu.around(volume, lambda: bench.load("seqread", volume.path("big"), 1 << 20))
        return done["bytes"] / done["seconds"]

    values = interleaved(rounds, {"headrace": volume, "cp": None}, measure, memory_of=bench)
    check_equal(source, volume.path("big"))
    bench.done_with(volume)
    made = row("First read of a 1 GiB file from the bucket", "Remounted and caches dropped before each; the bucket is a folder on tmpfs.", "B/s", values, limit="cp",
               server_cpu=cpu.per_gib())
    got, least = report.median(values["headrace"]), min(1.5e9, 0.5 * report.median(values["cp"]))
    made["wanted"] = [{"text": "1.5 GB/s or 0.5 × the same copy by cp, the smaller", "got": report.human(got, "B/s"), "met": got >= least}]
    return made


def distant(folder):
    return f"file://{folder}?latency={LATENCY_MS}ms&connection-rate={CONNECTION_RATE}"


def distantread(bench, rounds):
    """The limit is what so many connections can carry: each fetches a block after the store's latency, at a connection's rate."""
    source = big_file(bench)
    volume = bench.headrace("distant", ["--cache-size", "4G"])
    shutil.copyfile(source, volume.path("big"))
    volume.flags += ["--bucket", distant(volume.folders[1]), "--max-downloads", "128"]  # a quarter of them fill
    block = 4 << 20
    limit = FILL_CONNECTIONS * block / (LATENCY_MS / 1000 + block / CONNECTION_RATE)
    cpu = Cpu()

    def measure(*_):
        volume.remount()
        done = cpu.around(volume, lambda: bench.load("seqread", volume.path("big"), 1 << 20))
        return done["bytes"] / done["seconds"]

    values = interleaved(rounds, {"headrace": volume}, measure, memory_of=bench)
    values["connections × rate"] = [limit] * rounds
    check_equal(source, volume.path("big"))
    bench.done_with(volume)
    return row(f"First read of a 1 GiB file from a store {LATENCY_MS} ms away", f"{FILL_CONNECTIONS} connections of {CONNECTION_RATE // 10**6} MB/s; the limit counts the latency "
               "of each 4 MiB request.", "B/s", values, limit="connections × rate", server_cpu=cpu.per_gib(),
               wanted=[("0.9 × connections × rate", "connections × rate", 0.9)])


def ingest(bench, rounds):
    """Eight processes copy folders of files, as people bring a data set in."""
    source, workers = small_files(bench), 8
    count = bench.small_count // 4
    volume = bench.headrace("ingest")
    for i in range(workers):
        with open(os.path.join(bench.root, f"names-ingest-{i}"), "w", encoding="utf-8") as out:
            out.writelines(f"{source}/{n}\n" for n in range(i, count, workers))
    cpu = Cpu()
    number = [0]

    def copy(place):
        number[0] += 1
        folder = place.path(f"ingest-{number[0]}")
        for i in range(workers):
            os.makedirs(os.path.join(folder, str(i)))
        began = time.monotonic()
        copies = [subprocess.Popen(["xargs", "-a", os.path.join(bench.root, f"names-ingest-{i}"), "cp", "-t", os.path.join(folder, str(i))]) for i in range(workers)]
        if any(one.wait(timeout=300) for one in copies):
            raise RuntimeError("cp failed")
        took = time.monotonic() - began
        for n in range(0, count, max(count // 50, 1)):
            check_equal(os.path.join(source, str(n)), os.path.join(folder, str(n % workers), str(n)))
        shutil.rmtree(folder)
        return {"seconds": took, "operations": count, "bytes": count * bench.small_bytes}

    def measure(_, place):
        done = cpu.around(volume, lambda: copy(place)) if place is volume else copy(place)
        return done["operations"] / done["seconds"]

    values = interleaved(rounds, {"headrace": volume, bench.huge.name: bench.huge}, measure, memory_of=bench)
    bench.done_with(volume)
    return row(f"Ingest: {count:,} files of 110 KiB copied in by eight processes", "cp; bucket on tmpfs, metadata on the system's disk; every file stored and durable when cp ends.",
               "files/s", values, limit=bench.huge.name, server_cpu=cpu.per_operation(), wanted=[("0.3 × the same into tmpfs", bench.huge.name, 0.3)])


def eviction(bench, rounds):
    """Readers of a set that is larger than the tier, from a distant store: what the slowest of them wait."""
    source = small_files(bench)
    count = bench.small_count // 4
    volume = bench.headrace("eviction", ["--cache-size", "64M" if bench.options.quick else "256M"])
    os.makedirs(volume.path("small"))
    for i in range(count):
        shutil.copyfile(os.path.join(source, str(i)), volume.path("small", str(i)))
    volume.flags += ["--bucket", distant(volume.folders[1])]
    names = write_list(bench, "eviction", volume.path("small"), count)
    cpu = Cpu()
    tails = []

    def measure(*_):
        volume.remount()
        done = cpu.around(volume, lambda: bench.load("latency", names, 8, 2 if bench.options.quick else 5))
        tails.append((done["p50"], done["p99"], done["max"]))
        return done["p99"]

    values = interleaved(rounds, {"headrace": volume}, measure)
    for i in range(0, count, max(count // 50, 1)):
        check_equal(os.path.join(source, str(i)), volume.path("small", str(i)))
    bench.done_with(volume)
    p50, p99, worst = (report.median([one[i] for one in tails]) * 1000 for i in range(3))
    made = row("Eight readers while the tier fills and evicts: P99 of a file", f"110 KiB files, {count * bench.small_bytes >> 20} MiB of them, a tier of 256 MiB, a store {LATENCY_MS} ms away.",
               "s", values, server_cpu=cpu.per_operation(), lower_is_better=True,
               note=f"medians of the rounds: P50 {p50:.1f} ms, P99 {p99:.1f} ms, slowest {worst:.1f} ms")
    slowest = max(one[2] for one in tails) * 1000
    made["wanted"] = [{"text": "no reader waits longer than 100 ms", "got": f"{slowest:.0f} ms", "met": slowest <= 100}]
    return made


def accelerator(bench, rounds):
    """MLPerf Storage's ResNet-50 on one H100: 400 samples of 114,660 bytes every 0.224 s."""
    folder, count = bench.huge.path("resnet"), 800 if bench.options.quick else 8000
    os.makedirs(folder)
    bench.load("writefiles", folder, count, 114_660, 2)
    volume = bench.headrace("accelerator", ["--cache-size", "4G"])
    shutil.copytree(folder, volume.path("resnet"))
    volume.remount()
    names = write_list(bench, "accelerator", volume.path("resnet"), count)
    first = bench.load("accelerator", names, 2, 1, 400, 0.224)
    cpu = Cpu()
    seed = [1]

    def measure(*_):
        seed[0] += 1
        return cpu.around(volume, lambda: bench.load("accelerator", names, 2, seed[0], 400, 0.224))["busy"]

    values = interleaved(rounds, {"headrace": volume}, measure)
    bench.done_with(volume)
    shutil.rmtree(folder)
    made = row("One emulated accelerator, ResNet-50: share of time busy", f"{count:,} files of 114,660 bytes, shuffled, two loaders, 400 a step of 0.224 s; the first epoch, "
               f"cold: {first['busy'] * 100:.1f} %.", "share", values, server_cpu=cpu.per_operation())
    got = report.median(values["headrace"])
    made["wanted"] = [{"text": "95 % from the second epoch", "got": f"{got * 100:.1f} %", "met": got >= 0.95}]
    return made


def memory(bench, rounds):
    """What the server holds after a kernel has looked up very many files: RSS without the tier's tmpfs."""
    count = 20_000 if bench.options.quick else 1_000_000
    volume = bench.headrace("memory")
    idle = volume.resident_bytes()
    folders = [volume.path(f"d{i}") for i in range(count // 10_000)]
    for folder in folders:
        os.makedirs(folder)
    made_files = bench.load("mknods", volume.folder, count)
    after = volume.resident_bytes()
    values = {"headrace": [after / 2**20] * rounds}
    bench.done_with(volume)
    made = row(f"Resident memory with {count:,} files looked up", f"Files made with mknod at {made_files['operations'] / made_files['seconds']:,.0f} a second, all known to the kernel; "
               "tmpfs bytes apart.", "MiB", values, lower_is_better=True)
    made["wanted"] = [{"text": "24 MiB idle", "got": f"{idle / 2**20:.1f} MiB", "met": idle <= 24 << 20},
                      {"text": "64 MiB + the buffer", "got": f"{after / 2**20:.1f} MiB", "met": after <= (64 + 300) << 20}]
    return made


def listing(bench, rounds):
    source = small_files(bench)
    volume = bench.headrace("listing")
    os.makedirs(volume.path("small"))
    for i in range(bench.small_count):
        os.mknod(volume.path("small", str(i)))
    bindfs = bench.mirror("bindfs", bench.huge.folder)
    contestants = {"headrace": volume, bench.huge.name: bench.huge} | ({"bindfs": bindfs} if bindfs else {})

    def measure(_, place):
        places.drop_kernel_caches()
        began = time.monotonic()
        places.run("ls", "-lR", place.path("small"))
        return bench.small_count / (time.monotonic() - began)

    values = interleaved(rounds, contestants, measure)
    assert len(os.listdir(volume.path("small"))) == len(os.listdir(source))
    bench.done_with(volume, bindfs)
    return row("ls -lR of 20,000 files, kernel caches dropped", "Names and attributes from the metadata.", "files/s", values, limit=bench.huge.name,
               wanted=[("5 × bindfs", "bindfs", 5)])


def statstorm(bench, rounds):
    small_files(bench)
    volume = bench.headrace("stat", ["--attr-cache", "60", "--entry-cache", "60"])
    os.makedirs(volume.path("small"))
    for i in range(bench.small_count):
        os.mknod(volume.path("small", str(i)))
    contestants = {"headrace": volume, bench.huge.name: bench.huge}
    lists = {name: write_list(bench, "stat-" + str(i), place.path("small"), bench.small_count) for i, (name, place) in enumerate(contestants.items())}
    bench.load("stat", lists["headrace"], 2, 1)

    def measure(name, _):
        done = bench.load("stat", lists[name], 2, 5)
        return done["operations"] / done["seconds"]

    values = interleaved(rounds, contestants, measure)
    bench.done_with(volume)
    return row("Stat storm over 20,000 files, two threads, warm", "Entries and attributes cached by the kernel (--attr-cache 60 --entry-cache 60).", "stat/s", values,
               limit=bench.huge.name, wanted=[("0.7 × tmpfs", bench.huge.name, 0.7)])


def mounting(bench, rounds):
    volume = bench.headrace("mounting")
    with open(volume.path("f"), "wb") as file:
        file.write(b"x" * 4096)

    def measure(_, place):
        place.unmount()
        began = time.monotonic()
        places.run(place.program, "mount", "-d", place.meta, place.folder)
        with open(place.path("f"), "rb") as file:
            assert file.read(1) == b"x"
        took = time.monotonic() - began
        place.pid = place.find_server()
        return took

    values = interleaved(rounds, {"headrace": volume}, measure)
    idle = volume.resident_bytes()
    bench.done_with(volume)
    made = row("mount -d of an existing volume to the first byte", "From exec of the program to one byte read.", "s", values, lower_is_better=True)
    got = report.median(values["headrace"])
    made["wanted"] = [{"text": "50 ms", "got": f"{got * 1000:.1f} ms", "met": got <= 0.05},
                      {"text": "24 MiB resident when idle", "got": f"{idle / 2**20:.1f} MiB", "met": idle <= 24 << 20}]
    return made


def mapped(bench, rounds, order):
    volume, contestants, opened, place_anew = readers(bench)
    place_anew()  # a copy in large writes has huge pages, one that grew has not: a run of this row alone must not compare the two
    values = interleaved(rounds, {name: place for name, place in contestants.items() if name in ("headrace", bench.huge.name)},
                         lambda _, place: (lambda done: done["operations"] / done["seconds"])(bench.load("mmap", place.path("big"), order, 1)))
    bench.done_with(*[place for place in opened if place is not None])
    return row(f"Mapped reads, {'random' if order == 'rand' else 'sequential'}", "The file is whole; every touch is a page fault of a fresh mapping.", "pages/s", values,
               limit=bench.huge.name, wanted=[("0.9 × the same on tmpfs", bench.huge.name, 0.9)])


ALL = {
    "seqread": seqread,
    "randread1": lambda bench, rounds: randread(bench, rounds, 1),
    "randread2": lambda bench, rounds: randread(bench, rounds, 2),
    "mmap-seq": lambda bench, rounds: mapped(bench, rounds, "seq"),
    "mmap-rand": lambda bench, rounds: mapped(bench, rounds, "rand"),
    "epoch": epoch,
    "firstread": firstread,
    "distantread": distantread,
    "seqwrite": seqwrite,
    "writesmall": writesmall,
    "create1": lambda bench, rounds: create(bench, rounds, 1),
    "create16": lambda bench, rounds: create(bench, rounds, 16),
    "ingest": ingest,
    "eviction": eviction,
    "accelerator": accelerator,
    "listing": listing,
    "stat": statstorm,
    "mount": mounting,
    "memory": memory,
}
