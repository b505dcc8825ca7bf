"""A Flask app in one file."""

import os

from flask import Flask, Response, make_response, request, send_file

application = Flask(__name__)


@application.route("/hello", methods=["GET", "POST"])
def hello():
    return "hello"


@application.route("/stream")
def stream():
    return Response(f"{n}\n" for n in range(100))


@application.route("/form", methods=["POST"])
def form():
    return request.form["name"]


@application.route("/upload", methods=["POST"])
def upload():
    file = request.files["file"]
    return f"{file.filename} {len(file.read())}"


@application.route("/body", methods=["POST"])
def body():
    return request.get_data()


@application.route("/file")
def file():
    return send_file(os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps.py"))


@application.route("/etag")
def etag():
    answer = make_response("etag")
    answer.set_etag("one")
    return answer.make_conditional(request)


@application.route("/error")
def error():
    raise RuntimeError("an error in a view")
