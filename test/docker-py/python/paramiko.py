"""docker-py's tests import paramiko to tell its channels from sockets. They connect by no SSH here."""


class Channel:
    pass
