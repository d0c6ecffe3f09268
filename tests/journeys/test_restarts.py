"""kill -9, again and again, under people who work: nobody signs in twice, and nobody slips in meanwhile."""

import threading

from journeys.visitor import NAVIGATION, Visitor

RESTARTS = {"driver": 20, "stock": 5}  # what outlives a kill is the store's doing, the same on both
PEOPLE = ("alice", "bob", "alice", "bob")


class Person(threading.Thread):
    """Works all the while, and writes down every answer that is not a failure to connect."""

    due = 200  # what it is answered by a gate that is up

    def __init__(self, demo, name):
        super().__init__(daemon=True)
        self.demo, self.visitor, self.answers, self.ended = demo, Visitor(demo.ca, timeout=10), [], threading.Event()
        self.visitor.sign_in(demo.url("wiki"), name)

    def run(self):
        while not self.ended.is_set():
            self.once()
            self.ended.wait(0.1)  # a pause in which others, and the start itself, have the machine

    def is_answered_again(self):
        seen = self.answers.count(self.due)
        for _ in range(500):
            if self.answers.count(self.due) > seen:
                return
            self.ended.wait(0.02)
        raise AssertionError(f"nobody was answered after the restart: {self.answers[-5:]}")

    def once(self):
        try:
            page = self.visitor.ask(self.demo.url("wiki", "/api/whoami"), headers={"Accept": "application/json"})
        except Exception:
            return  # the gate is down: that is what a kill -9 looks like
        self.answers.append(page.status)


class Stranger(Person):
    """Asks all the while, without a session."""

    due = 401

    def __init__(self, demo):
        threading.Thread.__init__(self, daemon=True)
        self.demo, self.visitor, self.answers, self.ended = demo, Visitor(demo.ca, timeout=10), [], threading.Event()

    def once(self):
        try:
            page = self.visitor.ask(self.demo.url("wiki", "/strangers-only"), headers={"Accept": "application/json"})
        except Exception:
            return
        self.answers.append(page.status)


def test_restarts_lose_nobody_and_let_nobody_in(prepare, front, tmp_path):
    demo = prepare(tmp_path / "demo")
    demo.start()
    try:
        people = [Person(demo, name) for name in PEOPLE]
        stranger = Stranger(demo)
        for one in (*people, stranger):
            one.start()
        for _ in range(RESTARTS[front]):
            demo.kill()
            demo.start()
            for one in (*people, stranger):
                one.is_answered_again()
        for one in (*people, stranger):
            one.ended.set()
            one.join(20)
        for one in people:
            # 503: the moment between the listener and the gate behind it. Never a 401 or a redirect.
            assert set(one.answers) <= {200, 502, 503}
            assert one.answers.count(200) >= RESTARTS[front]
        assert set(stranger.answers) <= {401, 503}
        assert stranger.answers.count(401) >= RESTARTS[front]
        assert not [line for line in demo.origin_log("wiki") if "strangers-only" in line]
    finally:
        demo.stop()


def test_a_kill_in_the_middle_of_a_sign_in_loses_neither_the_sign_in_nor_a_session(prepare, tmp_path):
    demo = prepare(tmp_path / "demo")
    demo.start()
    try:
        settled = Visitor(demo.ca)
        settled.sign_in(demo.url("wiki"), "bob")
        visitor = Visitor(demo.ca)
        page = visitor.open(demo.url("wiki", "/search?q=kept"))
        assert 'name="passwd"' in page.text or 'name="loginfmt"' in page.text
        demo.kill()
        demo.start()
        landed = visitor.submit(page, loginfmt="alice", passwd="password")
        assert (landed.url, landed.status) == (demo.url("wiki", "/search?q=kept"), 200)
        assert settled.ask(demo.url("wiki"), headers=NAVIGATION).status == 200
    finally:
        demo.stop()
