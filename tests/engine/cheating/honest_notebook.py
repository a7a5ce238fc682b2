"""What honest notebooks do, cell by cell: none of it may meet a refused system call."""

HONEST = {
    "numpy": """
import numpy as np
rng = np.random.default_rng(0)
a = rng.normal(size=(200, 200))
u, s, vt = np.linalg.svd(a)
assert np.allclose(u * s @ vt, a)
np.linalg.eigh(a @ a.T), np.linalg.solve(a, a), np.fft.fft(a), np.sort(a), np.einsum("ij,jk", a, a)
np.save("a.npy", a); np.savez("a.npz", a=a); np.savetxt("a.txt", a[:3])
assert np.allclose(np.load("a.npy", mmap_mode="r"), a) and np.loadtxt("a.txt").shape == (3, 200)
big = np.ones((8, 2**20)); big += 1; del big
""",
    "torch": """
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.SiLU(), torch.nn.Linear(64, 8))
for make in (torch.optim.Adam, torch.optim.SGD, torch.optim.AdamW, torch.optim.LBFGS):
    optimizer = make(net.parameters(), lr=1e-3)
    for _ in range(3):
        x = torch.randn(32, 8)
        def closure():
            optimizer.zero_grad()
            loss = ((net(x) - x) ** 2).mean()
            loss.backward()
            return loss
        optimizer.step(closure)
w = torch.randn(50, 50, dtype=torch.float64, requires_grad=True)
torch.linalg.svd(w), torch.linalg.eigh(w @ w.T), torch.linalg.cholesky(w @ w.T + torch.eye(50))
torch.linalg.slogdet(w)[1].backward()
p = torch.distributions.MultivariateNormal(torch.zeros(3), torch.eye(3))
torch.distributions.kl_divergence(p, p), p.log_prob(p.rsample((10,)))
torch.func.vmap(torch.func.grad(lambda v: (v**2).sum()))(torch.randn(4, 3))
torch.save(net.state_dict(), "net.pt"); net.load_state_dict(torch.load("net.pt"))
torch.set_num_threads(2); torch.randn(500, 500) @ torch.randn(500, 500); torch.set_num_threads(1)
torch.nn.functional.conv2d(torch.randn(4, 3, 28, 28), torch.randn(8, 3, 3, 3))
""",
    "data loaders": """
data = torch.utils.data.TensorDataset(torch.randn(256, 3, 8, 8), torch.arange(256))
batches = [x for x, _ in torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)]
assert sum(len(x) for x in batches) == 256
""",
    "scipy": """
import scipy.integrate, scipy.linalg, scipy.optimize, scipy.special, scipy.stats
scipy.optimize.minimize(lambda x: (x**2).sum(), np.ones(5))
scipy.optimize.linprog([1, 1], A_ub=[[-1, -2]], b_ub=[-3])
scipy.linalg.expm(np.eye(3)), scipy.linalg.sqrtm(np.eye(3)), scipy.special.logsumexp([1, 2])
scipy.integrate.quad(np.sin, 0, 1), scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0])
scipy.stats.norm.fit(rng.normal(size=100)), scipy.stats.wasserstein_distance([0, 1], [1, 2])
""",
    "figures": r"""
import matplotlib.pyplot as plt
fig, axes = plt.subplots(2, 2, layout="constrained")
axes[0, 0].hist(rng.normal(size=1000), bins=30, label=r"$\int_0^1 \frac{\alpha}{\beta}$")
axes[0, 0].legend(); axes[0, 1].imshow(rng.normal(size=(28, 28))); axes[1, 0].set_title("日本 ß")
axes[1, 1].contourf(rng.normal(size=(9, 9))); axes[1, 1].set_xlabel("x", family="serif")
fig.savefig("figure.png"); fig.savefig("figure.pdf"); fig.savefig("figure.svg")
plt.show()
fig = plt.figure(); fig.add_subplot(projection="3d").plot([0, 1], [0, 1], [0, 1]); plt.show()
import matplotlib.animation
animation = matplotlib.animation.FuncAnimation(fig, lambda _: None, frames=2)
animation.save("a.gif", writer="pillow"); plt.close("all")
""",
    "magics": """
%time sum(range(1000))
%timeit -n 2 -r 2 sum(range(1000))
%matplotlib inline
%precision 3
%who
%pwd
%env HOME
get_ipython().run_cell_magic("capture", "taken", "print('taken')")
assert taken.stdout == "taken\\n"
get_ipython().run_cell_magic("time", "", "1 + 1")
get_ipython().run_cell_magic("writefile", "module.py", "value = 3")
%run module.py
assert value == 3
""",
    "commands": """
!echo one; ls -la /usr/bin | head -3; cp module.py copy.py; cat copy.py; rm copy.py; mkdir -p d/e
!date; sleep 0.01; sort module.py | uniq; find . -name '*.py'; tar cf a.tar module.py; tar xf a.tar
lines = !echo one; echo two
assert lines == ["one", "two"], lines
%system echo three
get_ipython().run_cell_magic("bash", "", "echo four; for i in 1 2; do echo $i; done")
get_ipython().run_cell_magic("script", "python3", "print(5)")
!python3 -c "import numpy; print(numpy.ones(3))"
""",
    "a traceback": """
try:
    %run missing.py
except BaseException:
    pass
try:
    1 / 0
except ZeroDivisionError:
    import traceback; traceback.print_exc()
import warnings; warnings.warn("honest")
import logging; logging.getLogger().warning("honest")
help(len)
""",
    "files": """
import glob, io, json, os, pathlib, pickle, shutil, tempfile, zipfile, gzip, csv, mmap, sqlite3
here = pathlib.Path("folder"); here.mkdir(exist_ok=True)
(here / "text.txt").write_text("text"); assert (here / "text.txt").read_text() == "text"
shutil.copy(here / "text.txt", here / "copy.txt"); shutil.copy2(here / "text.txt", "copy2.txt")
shutil.copytree(here, "folder2"); shutil.move("folder2", "folder3"); shutil.rmtree("folder3")
os.rename(here / "copy.txt", here / "other.txt"); (here / "other.txt").unlink()
os.symlink("text.txt", here / "link"); os.link(here / "text.txt", here / "hard")
assert sorted(p.name for p in here.iterdir()) == ["hard", "link", "text.txt"]
os.chmod(here / "text.txt", 0o600); os.utime(here / "text.txt"); os.access(here, os.W_OK)
here.joinpath("text.txt").touch(); here.stat(); here.resolve(); list(here.glob("*")); os.getcwd()
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
    file.write(b"1"); file.flush(); os.fsync(file.fileno()); file.truncate(0)
with zipfile.ZipFile("a.zip", "w") as archive:
    archive.writestr("a", "a")
shutil.make_archive("b", "gztar", here); shutil.disk_usage("."); os.scandir("."); glob.glob("**")
with gzip.open("a.gz", "wb") as file:
    file.write(b"a")
pickle.dump([1], open("a.pickle", "wb")); json.dump({}, open("a.json", "w"))
with mmap.mmap(-1, 8192) as area:
    area[:5] = b"hello"; area.flush()
with open("a.npy", "r+b") as file, mmap.mmap(file.fileno(), 0) as area:
    assert area[:6] == b"\\x93NUMPY"
base = sqlite3.connect("a.db"); base.execute("create table t (x)"); base.commit()
base.execute("insert into t values (1)"); base.commit()
assert sqlite3.connect("a.db").execute("select x from t").fetchall() == [(1,)]
held = [open("a.txt") for _ in range(32)]; [one.close() for one in held]
""",
    "threads": """
import concurrent.futures, queue, threading, time
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(lambda x: x * x, range(100))) == 328350
waiting = queue.Queue(); event = threading.Event(); lock = threading.RLock()
thread = threading.Thread(target=lambda: waiting.put(event.wait(1))); thread.start()
event.set(); thread.join(); assert waiting.get(timeout=1)
timer = threading.Timer(0.01, event.clear); timer.start(); timer.join()
""",
    "processes": """
import multiprocessing, signal, subprocess, sys
assert subprocess.run(["echo", "one"], capture_output=True, text=True).stdout == "one\\n"
assert subprocess.check_output("echo two | cat", shell=True) == b"two\\n"
with subprocess.Popen([sys.executable, "-c", "print(input())"], stdin=-1, stdout=-1) as child:
    assert child.communicate(b"three\\n", timeout=20)[0] == b"three\\n"
assert os.system("true") == 0 and os.popen("echo four").read() == "four\\n"
pid = os.fork()
if pid == 0:
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
ours, theirs = context.Pipe(); queue_ = context.Queue(); value = context.Value("i", 0)
def work():
    theirs.send(1); queue_.put(2)
    with value.get_lock():
        value.value = 3
child = context.Process(target=work); child.start()
assert (ours.recv(), queue_.get()) == (1, 2); child.join(); assert value.value == 3
with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
    assert list(pool.map(abs, [-1])) == [1]
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=4096); block.close(); block.unlink()
""",
    "signals and time": """
import datetime, os, random, resource, select, selectors, signal, socket, time
import platform, getpass, locale, uuid
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.05); assert seen
signal.signal(signal.SIGUSR1, lambda *_: seen.append(2)); os.kill(os.getpid(), signal.SIGUSR1)
signal.pthread_sigmask(signal.SIG_BLOCK, []); signal.alarm(0)
time.time(), time.perf_counter(), time.process_time(), time.monotonic(), time.localtime()
datetime.datetime.now(), random.SystemRandom().random(), os.urandom(8), uuid.uuid4()
random.seed(); np.random.seed(); torch.seed()
resource.getrusage(resource.RUSAGE_SELF), resource.getrlimit(resource.RLIMIT_NOFILE)
platform.platform(), platform.node(), os.uname(), os.getpid(), os.getppid(), os.cpu_count()
os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0), os.times(), os.umask(0o22)
assert os.sysconf("SC_PHYS_PAGES") > 0
import faulthandler; faulthandler.is_enabled()
import gc; gc.collect()
import ctypes; ctypes.CDLL(None).getpid()
""",
    "waiting": """
import asyncio, select, selectors, socket
await asyncio.sleep(0.01)
async def both():
    return await asyncio.gather(asyncio.sleep(0, 1), asyncio.to_thread(abs, -2))
assert await both() == [1, 2]
child = await asyncio.create_subprocess_exec("echo", "one", stdout=-1)
assert (await child.communicate())[0] == b"one\\n"
left, right = socket.socketpair()
left.sendall(b"1"); assert right.recv(1) == b"1"
selector = selectors.DefaultSelector(); selector.register(left, selectors.EVENT_READ)
selector.select(0); select.select([left], [], [], 0); left.close(); right.close()
server = await asyncio.start_unix_server(lambda *_: None, "socket"); server.close()
""",
    "the network is not there": """
import urllib.request
try:
    urllib.request.urlopen("http://example.org/", timeout=1)
except OSError as error:
    assert not isinstance(getattr(error, "reason", error), PermissionError), error
""",
    "pictures": """
from PIL import Image
Image.fromarray((rng.random((8, 8)) * 255).astype("uint8")).save("p.png")
Image.open("p.png").load()
from IPython.display import Image as Shown, Markdown, display
display(Shown("p.png"), Markdown("*a*"))
""",
}
