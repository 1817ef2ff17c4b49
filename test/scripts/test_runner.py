"""Many files: whoever does the work, results are the same and nothing is lost."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desinn.scripts import crew, processes, prompt, ranks, runner
from helpers.work import Comm, Unknown, awkward, options, work


@pytest.fixture
def files(tmp_path):
    """Make files of the words that are given."""

    def make(*texts):
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.txt").write_text(text)
        return [str(tmp_path / f"{number}.txt") for number in range(len(texts))]

    return make


@pytest.fixture
def three_cores(monkeypatch):
    monkeypatch.setattr(runner, "cores", lambda: {0, 1, 2})
    monkeypatch.setattr(processes, "cores", lambda: {0, 1, 2})


class Program:
    """A program that keeps what it would write."""

    def __init__(self, paths, work=work, outfile="out", key=None):
        self.task = runner.Task(paths, work, self.finish, str(outfile), key or {})
        self.results = None

    def finish(self, results):
        self.results = results

    def run(self, comm=None, **given):
        return runner.run(options(**given), lambda options: self.task, comm)

    def words(self):
        return [
            None if one is None else one.arrays["rows"]["word"].tolist() for one in self.results
        ]

    def processes(self):
        return {int(one.arrays["process"]) for one in self.results}


def on_ranks(program, size=3):
    """Run a program on ranks that are threads; return what each gave, errors too."""

    def one(comm):
        try:
            return program.run(comm)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, Comm.world(size)))


@pytest.fixture
def unlimited(monkeypatch):
    """Threads that stand for ranks share one environment: it stays as it is."""
    monkeypatch.setattr(ranks, "limited", contextlib.nullcontext)


@pytest.mark.parametrize("nproc", [1, 3])
def test_results_are_in_the_order_of_the_files(files, three_cores, nproc):
    program = Program(files("a b", "c", "d raise once", "", "e f g", "h"))
    assert program.run(nproc=nproc) == 0
    expected = [b"a b", b"c", b"d raise once", b"", b"e f g", b"h"]
    assert program.words() == [text.split() for text in expected]
    assert (program.processes() == {os.getpid()}) is (nproc == 1)
    assert len(program.processes()) <= nproc


def test_ranks_give_the_same(files, unlimited):
    program = Program(files("a b", "c", "d raise once", "", "e f g", "h"))
    assert on_ranks(program) == [0, 0, 0]
    expected = [b"a b", b"c", b"d raise once", b"", b"e f g", b"h"]
    assert program.words() == [text.split() for text in expected]


def test_one_rank_works_as_without(files):
    program = Program(files("a", "b"))
    assert program.run(Comm.world(1)[0]) == 0
    assert program.words() == [[b"a"], [b"b"]]


def test_ranks_that_are_there_come_before_nproc(files, unlimited, caplog):
    program = Program(files("a"))
    program.run = lambda comm: runner.run(options(nproc=4), lambda options: program.task, comm)
    assert on_ranks(program, 2) == [0, 0]
    assert "nproc 4 is not used: there are 2 ranks" in caplog.text


@pytest.mark.parametrize("nproc", [1, 3])
def test_a_file_is_tried_twice_and_then_named(files, three_cores, nproc, caplog):
    paths = files("a", "raise", "b", "raise once")
    program = Program(paths)
    assert program.run(nproc=nproc) == 1
    assert program.words() == [[b"a"], None, [b"b"], [b"raise", b"once"]]
    log = [record.getMessage() for record in caplog.records]
    assert f"{paths[1]}: as told; tried again later" in log
    assert f"{paths[3]}: as told; tried again later" in log
    assert f"{paths[1]}: as told" in log
    assert f"{paths[3]}: as told" not in log
    assert log[-1] == f"1 of 4 files could not be used: {paths[1]}"


def test_a_mistake_of_ours_shows_its_traceback(files, caplog):
    paths = files("mistake", "a")
    assert Program(paths).run() == 1
    assert f"{paths[0]}: ZeroDivisionError: a mistake of ours\nTraceback" in caplog.text
    caplog.clear()
    Program(files("raise", "a")).run()
    assert "Traceback" not in caplog.text
    Program(files("raise", "a")).run(debug=True)
    assert "Traceback" in caplog.text


def test_the_error_of_a_single_file_is_raised(files, unlimited):
    with pytest.raises(ValueError, match="as told"):
        Program(files("raise")).run()
    errors = on_ranks(Program(files("mistake")), 2)
    assert [type(error) for error in errors] == [ZeroDivisionError] * 2


def test_without_any_result_nothing_is_finished(files):
    program = Program(files("raise", "mistake"))
    with pytest.raises(ValueError, match="none of the 2 files could be used"):
        program.run()
    assert program.results is None


def test_errors_that_cannot_be_sent_keep_their_words(files, three_cores, caplog):
    paths = files("", "")
    with pytest.raises(ValueError, match="none of the 2"):
        Program(paths, awkward).run(nproc=2)
    assert f"{paths[1]}: as told" in caplog.text
    assert "Traceback" not in caplog.text  # still an expected one
    assert type(crew.portable(threading.BrokenBarrierError())) is threading.BrokenBarrierError


def test_a_process_that_dies_counts_as_an_error(files, three_cores, caplog):
    paths = files("a", "die", "b", "die once", "c")
    program = Program(paths)
    assert program.run(nproc=2) == 1
    assert program.words() == [[b"a"], None, [b"b"], [b"die", b"once"], [b"c"]]
    text = f"{paths[1]}: the process that worked on it ended with signal 9"
    assert f"{text}; tried again later" in caplog.text
    assert f"{text}\n" in caplog.text


def test_processes_that_cannot_begin_are_not_tried_for_ever(files, three_cores, capfd):
    with pytest.raises(ChildProcessError, match="ended with status 1 before it could do anything"):
        Program(files("a", "b"), Unknown()).run(nproc=2)
    assert "cannot be taken in" in capfd.readouterr().err


def test_processes_share_the_cores(files, monkeypatch):
    monkeypatch.setattr(crew, "threads_each", lambda available, members: available // members)
    monkeypatch.setattr(processes, "threads_each", crew.threads_each)
    for module in (runner, processes):
        monkeypatch.setattr(module, "cores", lambda: set(range(4)))
    program = Program(files("a", "b", "c"))
    program.run(nproc=2)
    assert {int(one.arrays["threads"]) for one in program.results} == {min(2, os.cpu_count())}
    program.run(nproc=4)  # three files, three processes
    assert {int(one.arrays["threads"]) for one in program.results} == {1}


def test_never_more_processes_than_cores(files, monkeypatch, caplog):
    monkeypatch.setattr(runner, "cores", lambda: {5})
    program = Program(files("a", "b"))
    assert program.run(nproc=3) == 0
    assert program.processes() == {os.getpid()}
    assert "--nproc 3: 1 is all that the cores allow" in caplog.text


def test_threads_are_no_more_than_the_user_wants():
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2, user_api="blas"):
        assert crew.threads_each(64, 8) == 2
        assert crew.threads_each(8, 8) == 1
        assert crew.threads_each(2, 8) == 1


def test_a_limit_holds_for_what_is_loaded_later_too(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with crew.limited(1):
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
        assert crew.threads_each(64, 1) == 1
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("hosts", "bound", "threads"),
    [
        ("aaa", [{0, 1, 2, 3}] * 3, 2),  # rank 0 does not work
        ("aba", [{0, 1, 2, 3}] * 3, 4),
        ("aaa", [{0, 1}, {2, 3}, {4, 5}], 2),
        ("aba", [{0}, {0}, {0}], 1),
    ],
)
def test_ranks_share_the_cores_of_their_machine(monkeypatch, hosts, bound, threads):
    class Everyone:
        def allgather(self, item):
            return list(zip(hosts, bound, strict=True))

    monkeypatch.setattr(ranks.socket, "gethostname", lambda: hosts[2])
    monkeypatch.setattr(ranks, "cores", lambda: bound[2])
    monkeypatch.setattr(ranks, "threads_each", lambda available, members: available)
    assert ranks._share(Everyone()) == threads


@pytest.mark.parametrize("where", ["prepare", "finish"])
def test_what_ends_rank_0_ends_all(files, unlimited, where):
    def fail(*_):
        raise FileExistsError("out: exists already")

    program = Program(files("a", "b"))
    if where == "prepare":
        program.run = lambda comm: runner.run(options(), fail, comm)
    else:
        program.task = program.task._replace(finish=fail)
    errors = on_ranks(program)
    assert [str(error) for error in errors] == ["out: exists already"] * 3
    assert {type(error) for error in errors} == {FileExistsError}


def test_an_interrupted_rank_ends_all(files, unlimited):
    program = Program(files("a", "interrupt", "b", "c"))
    assert [type(error) for error in on_ranks(program)] == [KeyboardInterrupt] * 3
    assert program.results is None


def test_mpi_that_is_not_there_is_said(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"--mpi needs mpi4py: pip install 'desinn\[mpi\]'"):
        Program(files("a")).run(mpi=True)


def test_parts_are_kept_only_if_wanted_and_while_needed(files, tmp_path, monkeypatch):
    folder = tmp_path / "out.fits.parts"
    seen = []
    program = Program(files("a", "b"), outfile=tmp_path / "out.fits")
    finish = lambda results: seen.append(len(os.listdir(folder)) if folder.exists() else None)  # noqa: E731
    program.task = program.task._replace(finish=finish)
    program.run()
    program.run(resume=True)
    assert seen == [None, 2]
    assert not folder.exists()


@pytest.mark.parametrize("nproc", [1, 3])
def test_a_run_is_taken_up_where_it_ended(files, tmp_path, three_cores, nproc, caplog):
    """What could not be used is missing from the output: the others' parts wait for it."""
    paths = files("a", "raise", "b")
    program = Program(paths, outfile=tmp_path / "out.fits")
    assert program.run(resume=True, nproc=nproc) == 1
    Path(paths[1]).write_text("c")
    caplog.clear()
    again = Program(paths, outfile=tmp_path / "out.fits")
    assert again.run(resume=True, nproc=nproc) == 0
    assert again.words() == [[b"a"], [b"c"], [b"b"]]
    assert "2 of 3 files were done before" in caplog.text
    assert "[3/3]" in caplog.text
    assert not (tmp_path / "out.fits.parts").exists()


@pytest.mark.parametrize("nproc", [1, 3])
def test_work_with_outputs_of_its_own_keeps_no_parts(files, tmp_path, three_cores, nproc, caplog):
    """What was finished before is as if it had just been done; nobody works on it."""
    paths = files("a", "raise", "b c")
    program = Program(paths, outfile=tmp_path / "out")
    before = {paths[0]: crew.Result({}, {"words": 5})}
    program.task = program.task._replace(finished=before.get)
    assert program.run(resume=True, nproc=nproc) == 1
    assert program.results[0] is before[paths[0]]
    assert program.results[1] is None
    assert program.results[2].counts == {"words": 2}
    assert not Path(f"{paths[0]}.tried").exists()
    assert not (tmp_path / "out.parts").exists()
    assert "1 of 3 files were done before" in caplog.text
    assert "so far 7 words" in caplog.text


def test_ranks_take_up_parts_too(files, tmp_path, unlimited):
    paths = files("a", "raise", "b")
    Program(paths, outfile=tmp_path / "out.fits").run(resume=True)
    again = Program(paths, outfile=tmp_path / "out.fits")
    again.run = lambda comm: runner.run(options(resume=True), lambda options: again.task, comm)
    assert on_ranks(again) == [1, 1, 1]
    assert again.words() == [[b"a"], None, [b"b"]]
    Path(paths[1]).unlink()
    again.task = again.task._replace(paths=[paths[0], paths[2]])
    assert on_ranks(again) == [0, 0, 0]  # nobody has anything to do


def test_an_interruption_says_where_the_parts_are(files, tmp_path, caplog):
    program = Program(files("a", "interrupt"), outfile=tmp_path / "out.fits")
    with pytest.raises(KeyboardInterrupt):
        program.run(resume=True)
    assert f"1 finished parts stay in {tmp_path / 'out.fits.parts'}" in caplog.text


def test_sigterm_ends_it_after_the_file_in_hand(files, tmp_path, caplog):
    program = Program(files("a", "b stop once", "c"), outfile=tmp_path / "out.fits")
    before = signal.getsignal(signal.SIGTERM)
    assert prompt.run(lambda options: program.run(resume=True), options()) == 143
    assert caplog.messages[-1] == "stopped by SIGTERM after 2 of 3 files; --resume does the rest"
    assert "finished parts stay" not in caplog.text
    assert program.results is None
    assert signal.getsignal(signal.SIGTERM) is before
    assert prompt.run(lambda options: program.run(resume=True), options()) == 0
    assert "2 of 3 files were done before" in caplog.text


@pytest.mark.parametrize("leading", [True, False])
def test_a_rank_that_is_told_to_stop_tells_rank_0(files, unlimited, monkeypatch, leading):
    """Of one rank alone; each has a notice of its own, as processes have."""
    leader = []
    program = Program(files(*"abcdef"))
    prepare = lambda options: leader.append(threading.current_thread()) or program.task  # noqa: E731
    program.run = lambda comm: runner.run(options(), prepare, comm)

    def patience():
        notice = prompt.Notice()
        notice.asked = (threading.current_thread() in leader) is leading
        return notice.patience()

    monkeypatch.setattr(prompt, "patience", patience)
    ends = on_ranks(program)
    assert [type(end) for end in ends] == [prompt.Terminated] * 3
    after = 0 if leading else 2
    text = f"stopped by SIGTERM after {after} of 6 files; nothing is kept without --resume"
    assert str(ends[0]) == text


def test_sigterm_is_the_hosts_affair_where_another_program_calls(files):
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append(True))
    try:
        program = Program(files("a", "b stop", "c"))
        assert program.run() == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [True]
    assert program.words() == [[b"a"], [b"b", b"stop"], [b"c"]]


def test_a_run_clears_what_killed_ones_have_left(files, tmp_path, three_cores, caplog):
    machine = os.uname().nodename.split(".")[0]
    left = [f".tmp{2**22 + 1}~{machine}~out.fits", ".tmp1~another~out.fits"]
    for name in left:
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / left[1], (0, 0))
    program = Program(files("a"), outfile=tmp_path / "out.fits")
    program.task = program.task._replace(folders=(str(tmp_path), None))
    assert program.run() == 0
    assert not any((tmp_path / name).exists() for name in left)
    assert "2 unfinished files of runs that were killed are removed" in caplog.text


def test_parts_go_with_the_output_without_resume_too(files, tmp_path):
    paths = files("a", "raise once")
    program = Program([*paths, "nowhere"], outfile=tmp_path / "out.fits")
    assert program.run(resume=True) == 1
    assert program.run() == 1
    assert (tmp_path / "out.fits.parts").exists()
    program = Program(paths, outfile=tmp_path / "out.fits")
    assert program.run() == 0
    assert not (tmp_path / "out.fits.parts").exists()


PROGRAM = """
import signal
import sys
from desinn.scripts import prompt
from helpers.work import options, work
from desinn.scripts.runner import Task, run

def finish(results):
    open({out!r}, "w").close()

# What a shell started in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
task = Task({paths!r}, work, finish, {out!r}, {{}})
main = lambda options: run(options, lambda options: task)
sys.exit(prompt.run(main, options(nproc=2, resume=True)))
"""


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def until(condition, seconds=20):
    """Wait until something is so; return whether it came to be."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs /proc to see processes")
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_nobody_outlives_the_program(files, tmp_path, three_cores, repository, number, status):
    """It needs no guard of its main script either: processes do not run that again."""
    out = tmp_path / "out"
    (tmp_path / "program.py").write_text(PROGRAM.format(out=str(out), paths=files("a", "b wait")))
    path = os.pathsep.join([str(repository / "py"), str(repository / "test")])
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")], env=environment, stderr=subprocess.PIPE
    ) as run:
        assert until(lambda: len(list(tmp_path.glob("out.parts/[!.]*"))) == 1)
        assert until((tmp_path / "1.txt.tried").exists)
        workers = children(run.pid)
        run.send_signal(number)
        if number == signal.SIGTERM:  # the first one lets it finish
            time.sleep(0.5)
            assert run.poll() is None
            run.send_signal(number)
        assert run.wait(60) == status
    assert workers
    assert until(lambda: not any(os.path.exists(f"/proc/{worker}") for worker in workers))
    assert not out.exists()
    assert len(os.listdir(tmp_path / "out.parts")) == 1
