#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A web server that knows numbers: PORT on loopback, and a JSON file of {path: answer} beside it."""

import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        answer = self.server.answers.get(self.path)
        body = json.dumps(answer).encode() if answer is not None else b''
        self.send_response(200 if answer is not None else 404)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
    with open(sys.argv[2], encoding='utf-8') as file:
        server.answers = json.load(file)
    server.serve_forever()


if __name__ == '__main__':
    main()
