/** The program within the namespace, in Python; `inside-perl.ts` is the same in Perl. `namespace.ts` tells what it understands. */
export const insidePython = String.raw`
import errno, fcntl, os, select, socket, struct, sys

ends, listening = {}, None

def owner(name, value):
    import ctypes
    getattr(ctypes.CDLL(None), name)(value)

def tap(name):
    end = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, 0x400454CA, struct.pack('16sH22x', name.encode(), 0x1002))
    ends[name] = end

def put(path, value):
    with open(path, 'w') as file:
        file.write(bytes.fromhex(value).decode())

def listen(group):
    global listening
    listening = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    listening.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)
    listening.bind((0, 0))
    listening.setsockopt(270, 1, int(group))

def ask(data):
    listening.send(bytes.fromhex(data))

def frame(name, data):
    os.write(ends[name], bytes.fromhex(data))

def local(family, data, to, mark, uid, gid, source):
    kind = socket.AF_INET if family == '4' else socket.AF_INET6
    if gid != '0': owner('setfsgid', int(gid))
    if uid != '0': owner('setfsuid', int(uid))
    try:
        sender = socket.socket(kind, socket.SOCK_RAW, 255)
    finally:
        if uid != '0': owner('setfsuid', 0)
        if gid != '0': owner('setfsgid', 0)
    with sender:
        sender.setsockopt(socket.SOL_SOCKET, 36, struct.pack('=I', int(mark)))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        address, scope = to.split('%')
        own, own_scope = source.split('%')
        try:
            sender.bind((own, 0) if family == '4' else (own, 0, 0, int(own_scope)))
        except OSError:
            pass
        sender.sendto(bytes.fromhex(data), (address, 0) if family == '4' else (address, 0, 0, int(scope)))

def collect(milliseconds):
    names = {end: name for name, end in ends.items()}
    for _ in range(100000):
        ready = select.select([listening, *names], [], [], int(milliseconds) / 1000)[0]
        if not ready:
            return
        for one in ready:
            if one is listening:
                print('netlink', listening.recv(1 << 20).hex())
            else:
                print('frame', names[one], os.read(one, 1 << 17).hex())

commands = {'tap': tap, 'put': put, 'listen': listen, 'ask': ask, 'frame': frame, 'local': local, 'collect': collect}
print('ok', flush=True)
while True:
    line = sys.stdin.readline()
    if not line:
        break
    word, *rest = line.split()
    try:
        commands[word](*rest)
        print('ok', flush=True)
    except OSError as problem:
        print('no', problem.errno or 0, problem.strerror, flush=True)
    except Exception as problem:
        print('no', 0, str(problem).replace('\n', ' '), flush=True)
`;
