"""An SMTP sink that notes when the first recipient comes, and when it is the sink's affair: at the end of the first DATA, before that is answered."""
import socket
import threading
import time

from lib import ports

END = b'\r\n.\r\n'
REPLIES = {b'EHLO': b'250-quick.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n', b'DATA': b'354 go on\r\n', b'QUIT': b'221 bye\r\n'}


class QuickSink:
    def __init__(self):
        self.port = ports.free_port()
        self.asked = self.handed = None  # monotonic times
        self.taken = threading.Event()
        self.listener = socket.create_server(('127.0.0.1', self.port), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def arm(self):
        """The next RCPT and the next end of DATA are the first."""
        self.asked = self.handed = None
        self.taken.clear()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer, in_data = b'', False
        try:
            connection.sendall(b'220 quick.example.net ESMTP\r\n')
            while octets := connection.recv(1 << 18):
                buffer, in_data, replies = self.step(buffer + octets, in_data)
                connection.sendall(replies)
        except OSError:
            pass
        finally:
            connection.close()

    def step(self, buffer, in_data):
        """Takes what is whole; returns (the rest, whether it is in DATA, replies)."""
        replies, at = [], 0
        while True:
            mark = END if in_data else b'\r\n'
            end = buffer.find(mark, at)
            if end < 0:
                return buffer[at:], in_data, b''.join(replies)
            if in_data:
                self.note_end()
                replies.append(b'250 2.0.0 taken\r\n')
                in_data = False
            else:
                verb = buffer[at:at + 4].upper()
                if verb == b'RCPT':
                    self.asked = self.asked or time.monotonic()
                replies.append(REPLIES.get(verb, b'250 2.0.0 well\r\n'))
                in_data = verb == b'DATA'
            at = end + len(mark)

    def note_end(self):
        if not self.taken.is_set():
            self.handed = time.monotonic()
            self.taken.set()
